"""Batches of Server: by hand, and under real LoadGen with samples of many sizes."""

import threading
from statistics import mean
from time import perf_counter_ns

import pytest

from loadscope.scenarios.arrivals import Arrivals, FirstCome, LikeSized

SECOND = 1_000_000_000
# Sample i has rank i: the ranks of ten samples of ten sizes.
RANKS = list(range(10))


def add(arrivals: Arrivals, *indices: int, now: int = 0) -> None:
    arrivals.add(now, [100 + index for index in indices], list(indices))


def indices(batch: list[tuple[int, int, int]] | None) -> list[int]:
    assert batch is not None
    assert all(one == 100 + index for _, one, index in batch)
    return [index for _, _, index in batch]


def test_the_oldest_goes_with_those_nearest_in_size() -> None:
    arrivals = LikeSized(3, 0, RANKS)
    add(arrivals, 4, 9, 0, 5, 8, 3)
    assert indices(arrivals.take()) == [4, 5, 3]
    assert indices(arrivals.take()) == [9, 8, 0]


def test_among_equals_those_that_came_first_go_first() -> None:
    arrivals = LikeSized(2, 0, RANKS)
    arrivals.add(0, [1, 2, 3], [7, 7, 7])
    assert [one for _, one, _ in arrivals.take() or []] == [1, 2]
    assert [one for _, one, _ in arrivals.take() or []] == [3]


def test_the_odd_one_out_is_first_in_its_turn_whatever_comes_after() -> None:
    arrivals = LikeSized(2, 0, RANKS)
    add(arrivals, 0, 9, 1)
    taken = []
    for _ in range(5):
        taken.append(indices(arrivals.take()))
        add(arrivals, 0, 1)
    assert taken[0] == [0, 1]
    assert taken[1][0] == 9


def test_a_choice_is_made_among_no_more_than_four_batches() -> None:
    arrivals = LikeSized(2, 0, RANKS)
    add(arrivals, 5, 0, 0, 0, 9, 9, 9, 9, 5)
    assert indices(arrivals.take()) == [5, 9]


def test_enough_for_four_batches_does_not_wait() -> None:
    arrivals = LikeSized(2, 3600 * SECOND, RANKS)
    add(arrivals, *[1, 8] * 4, now=perf_counter_ns())
    assert indices(arrivals.take()) == [1, 1]


@pytest.mark.parametrize("make", [LikeSized, lambda size, wait, _: FirstCome(size, wait)])
def test_a_lone_sample_is_held_back_for_the_wait_and_no_longer(make: type[LikeSized]) -> None:
    arrivals = make(4, SECOND // 20, RANKS)
    now = perf_counter_ns()
    add(arrivals, 3, now=now)
    assert indices(arrivals.take()) == [3]
    assert perf_counter_ns() - now >= SECOND // 20


@pytest.mark.parametrize("make", [LikeSized, lambda size, wait, _: FirstCome(size, wait)])
def test_flush_ends_the_wait_and_stop_ends_every_worker(make: type[LikeSized]) -> None:
    arrivals = make(4, 2 * SECOND, RANKS)
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
