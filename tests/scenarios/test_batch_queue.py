"""Batches of Server: by hand, and under real LoadGen with samples of many sizes."""

import threading
from collections.abc import Callable
from statistics import mean
from time import perf_counter_ns

import pytest

from loadscope.scenarios.batch_queue import BatchQueue, FirstComeQueue, LikeSizedQueue
from loadscope.scenarios.deadline_policy import DeadlinePolicy

SECOND = 1_000_000_000
# Sample i has rank i: the ranks of ten samples of ten sizes.
RANKS = list(range(10))
NEVER = DeadlinePolicy(0)

Make = Callable[[int, int, DeadlinePolicy], BatchQueue]


def like_sized(size: int, wait_ns: int, deadlines: DeadlinePolicy) -> BatchQueue:
    return LikeSizedQueue(size, wait_ns, deadlines, RANKS)


def add(arrivals: BatchQueue, *indices: int, now: int = 0) -> None:
    arrivals.add(now, [100 + index for index in indices], list(indices))


def indices(batch: list[tuple[int, int, int]] | None) -> list[int]:
    assert batch is not None
    assert all(one == 100 + index for _, one, index in batch)
    return [index for _, _, index in batch]


def test_the_oldest_goes_with_those_nearest_in_size() -> None:
    arrivals = LikeSizedQueue(3, 0, NEVER, RANKS)
    add(arrivals, 4, 9, 0, 5, 8, 3)
    assert indices(arrivals.take()) == [4, 5, 3]
    assert indices(arrivals.take()) == [9, 8, 0]


def test_among_equals_those_that_came_first_go_first() -> None:
    arrivals = LikeSizedQueue(2, 0, NEVER, RANKS)
    arrivals.add(0, [1, 2, 3], [7, 7, 7])
    assert [one for _, one, _ in arrivals.take() or []] == [1, 2]
    assert [one for _, one, _ in arrivals.take() or []] == [3]


def test_the_odd_one_out_is_first_in_its_turn_whatever_comes_after() -> None:
    arrivals = LikeSizedQueue(2, 0, NEVER, RANKS)
    add(arrivals, 0, 9, 1)
    taken = []
    for _ in range(5):
        taken.append(indices(arrivals.take()))
        add(arrivals, 0, 1)
    assert taken[0] == [0, 1]
    assert taken[1][0] == 9


def test_a_choice_is_made_among_no_more_than_four_batches() -> None:
    arrivals = LikeSizedQueue(2, 0, NEVER, RANKS)
    add(arrivals, 5, 0, 0, 0, 9, 9, 9, 9, 5)
    assert indices(arrivals.take()) == [5, 9]


def test_enough_for_four_batches_does_not_wait() -> None:
    arrivals = LikeSizedQueue(2, 3600 * SECOND, NEVER, RANKS)
    add(arrivals, *[1, 8] * 4, now=perf_counter_ns())
    assert indices(arrivals.take()) == [1, 1]


@pytest.mark.parametrize("make", [like_sized, FirstComeQueue])
def test_a_lone_sample_is_held_back_for_the_wait_and_no_longer(make: Make) -> None:
    arrivals = make(4, SECOND // 20, NEVER)
    now = perf_counter_ns()
    add(arrivals, 3, now=now)
    assert indices(arrivals.take()) == [3]
    assert perf_counter_ns() - now >= SECOND // 20


@pytest.mark.parametrize("make", [like_sized, FirstComeQueue])
def test_flush_ends_the_wait_and_stop_ends_every_worker(make: Make) -> None:
    arrivals = make(4, 2 * SECOND, NEVER)
    taken: list[list[int]] = []

    def work() -> None:
        while (batch := arrivals.take()) is not None:
            taken.append(indices(batch))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    add(arrivals, *range(10), now=perf_counter_ns())
    arrivals.flush()
    arrivals.stop()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    assert sorted(index for batch in taken for index in batch) == list(range(10))


def late_and_in_time(make: Make) -> tuple[BatchQueue, int]:
    now = perf_counter_ns()
    arrivals = make(2, 0, DeadlinePolicy(1000 * SECOND))
    add(arrivals, 0, 1, 2, now=now - 2000 * SECOND)
    add(arrivals, 7, 8, 9, now=now - 500 * SECOND)
    return arrivals, now


@pytest.mark.parametrize("make", [like_sized, FirstComeQueue])
def test_those_that_can_be_in_time_go_before_those_that_are_late(make: Make) -> None:
    arrivals, now = late_and_in_time(make)
    assert indices(arrivals.take()) == [7, 8]
    add(arrivals, 6, now=now)
    taken = [indices(arrivals.take()) for _ in range(3)]
    assert sorted(taken[0]) == [6, 9]
    assert taken[1:] == [[0, 1], [2]]


@pytest.mark.parametrize("make", [like_sized, FirstComeQueue])
def test_the_time_of_a_batch_counts_towards_the_bound(make: Make) -> None:
    deadlines = DeadlinePolicy(1000 * SECOND)
    deadlines.took(600 * SECOND, [0])
    arrivals = make(2, 0, deadlines)
    now = perf_counter_ns()
    add(arrivals, 0, now=now - 500 * SECOND)
    add(arrivals, 9, now=now - 100 * SECOND)
    assert [indices(arrivals.take()) for _ in range(2)] == [[9], [0]]


@pytest.mark.parametrize("make", [like_sized, FirstComeQueue])
def test_a_batch_is_smaller_where_its_oldest_would_be_late(make: Make) -> None:
    deadlines = DeadlinePolicy(1000 * SECOND)
    for size in (1, 2, 3):
        deadlines.took(200 * size * SECOND, [0] * size)
    arrivals, now = make(3, 0, deadlines), perf_counter_ns()
    add(arrivals, 0, now=now - 500 * SECOND)
    add(arrivals, 1, 2, 3, now=now - 100 * SECOND)
    assert [indices(arrivals.take()) for _ in range(2)] == [[0, 1], [2, 3]]


def test_the_longest_of_a_batch_tells_how_large_it_may_be() -> None:
    deadlines = DeadlinePolicy(1000 * SECOND, RANKS)
    deadlines.took(200 * SECOND, [0])
    deadlines.took(900 * SECOND, [0, 9])
    arrivals = like_sized(2, 0, deadlines)
    add(arrivals, 0, 9, now=perf_counter_ns() - 90 * SECOND)
    assert indices(arrivals.take()) == [0, 9]
    add(arrivals, 0, now=perf_counter_ns() - 200 * SECOND)
    add(arrivals, 9, now=perf_counter_ns())
    assert [indices(arrivals.take()) for _ in range(2)] == [[0], [9]]


@pytest.mark.parametrize("make", [like_sized, FirstComeQueue])
def test_late_samples_do_not_wait_for_ever(make: Make) -> None:
    arrivals, now = make(1, 0, DeadlinePolicy(1000 * SECOND)), perf_counter_ns()
    add(arrivals, 0, now=now - 200_000 * SECOND)
    add(arrivals, 1, now=now - 2000 * SECOND)
    add(arrivals, 8, 9, now=now)
    taken = [indices(arrivals.take()) for _ in range(4)]
    assert taken.index([0]) < taken.index([9]) < taken.index([1])


@pytest.mark.parametrize("make", [like_sized, FirstComeQueue])
def test_late_samples_are_answered_before_the_workers_end(make: Make) -> None:
    arrivals, _ = late_and_in_time(make)
    arrivals.stop()
    taken = []
    while (batch := arrivals.take()) is not None:
        taken.append(indices(batch))
    assert taken == [[7, 8], [9], [0, 1], [2]]


def test_the_time_of_a_batch_is_one_that_nine_in_ten_stay_below() -> None:
    deadlines = DeadlinePolicy(200)
    for number in range(5000):
        deadlines.took(100 if number % 20 else 1000, [0])
    assert deadlines.room(0, 0, 90, 1)
    assert not deadlines.room(0, 0, 101, 1)
    for _ in range(500):
        deadlines.took(50, [0])
    assert deadlines.room(0, 0, 140, 1)


def test_a_batch_is_as_large_as_keeps_its_oldest_sample_in_time() -> None:
    deadlines = DeadlinePolicy(1000)
    for size in (1, 2, 4):
        deadlines.took(100 * size, [0] * size)
    # A batch of four is expected to take 397.5: one in ten takes longer than what is kept.
    assert [deadlines.room(0, 0, now, 4) for now in (602, 603, 801, 802, 901)] == [4, 3, 2, 1, 0]
    # Not yet seen: in proportion.
    assert [deadlines.room(0, 0, now, 8) for now in (205, 206)] == [8, 7]


def test_a_batch_is_no_smaller_than_is_worth_while() -> None:
    deadlines = DeadlinePolicy(1000)
    # A batch costs far more than each sample in it.
    for size in range(1, 9):
        deadlines.took(200 + 24 * size, [0] * size)
    assert [deadlines.room(0, 0, now, 8) for now in (610, 634, 635)] == [8, 7, 0]
    assert deadlines.room(0, 0, 775, 1) == 1, "it need not be better than what waits allows"


@pytest.mark.parametrize("make", [like_sized, FirstComeQueue])
def test_a_long_sample_is_late_before_a_short_one_that_came_first(make: Make) -> None:
    deadlines = DeadlinePolicy(1000 * SECOND, RANKS)
    deadlines.took(100 * SECOND, [0, 1])
    deadlines.took(600 * SECOND, [0, 9])
    arrivals = make(4, 0, deadlines)
    add(arrivals, 0, 9, 1, now=perf_counter_ns() - 500 * SECOND)
    assert [indices(arrivals.take()) for _ in range(2)] == [[0, 1], [9]]


def test_of_a_long_queue_only_those_that_are_chosen_from_are_looked_at() -> None:
    looked_at = []

    class Noting(DeadlinePolicy):
        def room(self, arrived: int, index: int, now: int, most: int) -> int:
            looked_at.append(index)
            return super().room(arrived, index, now, most)

    arrivals = LikeSizedQueue(2, 0, Noting(1000 * SECOND), RANKS)
    add(arrivals, *RANKS * 1000, now=perf_counter_ns())
    assert len(arrivals.take() or []) == 2
    assert len(looked_at) == 8 + 1, "and the largest of the batch"


@pytest.mark.parametrize("sized", [True, False])
def test_under_loadgen_an_overload_makes_few_late_where_the_late_ones_wait(loadgen, sized):
    in_time = []
    for late_after_ms in (200, 0):
        status, seen, error = loadgen(
            "Server",
            sized=sized,
            settings={"target_qps": 150, "target_latency": 200, "min_query_count": 300},
            execution={"batch_size": 1, "workers": 1},
            late_after_ms=late_after_ms,
            delay=0.01,
        )
        assert status == 0, error
        assert len(seen["sizes"]) == seen["log"]["result_query_count"]
        in_time.append(mean(latency < 200 for latency in seen["latencies_ms"]))
    assert in_time[0] > in_time[1] + 0.1


def test_under_loadgen_batches_hold_like_samples_and_all_are_answered(loadgen):
    asked = {
        "settings": {"target_qps": 400, "target_latency": 1000, "min_query_count": 300},
        "execution": {"batch_size": 4, "workers": 1},
        "delay": 0.02,
    }
    means = []
    for sized in (True, False):
        status, seen, error = loadgen("Server", sized=sized, **asked)
        assert status == 0, error
        full = [
            spread for size, spread in zip(seen["sizes"], seen["spreads"], strict=True) if size == 4
        ]
        assert len(full) > 30
        assert sum(seen["sizes"]) == seen["log"]["result_query_count"]
        means.append(mean(full))
    # Four of fifty sizes at random lie 29 apart on average, the best of sixteen far less.
    assert means[0] < 0.6 * means[1]


def test_under_loadgen_every_sample_is_answered_while_others_wait_for_theirs(loadgen):
    status, seen, error = loadgen(
        "Server",
        "accuracy",
        sized=True,
        settings={"target_qps": 100, "target_latency": 1000},
        execution={"batch_size": 4, "workers": 2, "max_wait_ms": 50},
    )
    assert status == 0, error
    assert {index for index, _ in seen["answers"]} == set(range(50))
