"""The constants of the policy, each by what it does: change one and its test fails."""

import random

import pytest

from loadscope.scenarios.deadline_policy import DeadlinePolicy

BOUND = 1_000_000


def kept(policy: DeadlinePolicy, count: int = 1, index: int = 0) -> int:
    """The time that it expects of so many samples, found by asking which latency is left for it."""
    low, high = 0, BOUND
    while high - low > 1:
        left = (low + high) // 2
        fits = policy.room(0, index, BOUND - left, count) == count
        low, high = (low, left) if fits else (left, high)
    return high


def test_a_machine_that_became_half_as_fast_is_followed_within_thirteen_batches():
    policy = DeadlinePolicy(BOUND)
    policy.took(100_000, [0])
    times = []
    for _ in range(13):
        policy.took(200_000, [0])
        times.append(kept(policy))
    assert times[0] == pytest.approx(99_375 * 1.05625, abs=2), "one slow batch ends nothing"
    assert times[-2] < 200_000 < times[-1]


def test_nine_batches_in_ten_stay_below_the_time_that_is_kept():
    policy, chance = DeadlinePolicy(BOUND), random.Random(1)
    shares = []
    for batch in range(3000):
        policy.took(chance.randrange(100_000, 200_000), [0])
        if batch > 500 and batch % 20 == 0:
            shares.append(kept(policy) / 1000 - 100)
    assert sum(shares) / len(shares) == pytest.approx(90, abs=3)


@pytest.mark.parametrize(("each", "room"), [(1.14, 4), (1.16, 0)])
def test_a_smaller_batch_may_cost_a_sample_fifteen_percent_more(each, room):
    policy = DeadlinePolicy(BOUND)
    policy.took(80_000, range(8))
    policy.took(int(4 * 10_000 * each), range(4))
    # As much time is left as four take, and eight do not.
    assert policy.room(0, 0, BOUND - int(4 * 10_000 * each), 8) == room


def test_times_are_kept_apart_for_eighths_of_the_samples():
    policy = DeadlinePolicy(BOUND, ranks=range(16))
    for index in range(16):
        policy.took(1000 * (index + 1), [index])
    expected = [kept(policy, index=index) for index in range(16)]
    assert expected[0::2] == expected[1::2]
    assert len(set(expected)) == 8


def test_a_late_sample_waits_for_a_hundred_bounds():
    policy = DeadlinePolicy(BOUND)
    assert not policy.has_starved(0, 100 * BOUND)
    assert policy.has_starved(0, 100 * BOUND + 1)
