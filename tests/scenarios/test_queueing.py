import math

import pytest

from loadscope.scenarios.queueing import batching_rate, queueing_rate


def test_one_server_matches_the_formula_for_m_d_1():
    # Erlang's C for one server is its load, so 1 % late at load x and 40 ms of slack means
    # x exp(-2 (1 - x) 40 / 10) = 0.01, which x = 0.465... solves.
    rate = queueing_rate(100, 1, 10, 50, 99)
    assert rate * 0.01 * math.exp(-2 * (1 - rate * 0.01) * 4) == pytest.approx(0.01)


def test_more_workers_of_the_same_capacity_each_carry_more():
    shares = [queueing_rate(100 * c, c, 10, 50, 99) / (100 * c) for c in (1, 2, 8, 64)]
    assert shares == sorted(shares) and shares[-1] < 1


def test_a_bound_below_one_batch_leaves_little():
    assert queueing_rate(100, 2, 20, 15, 99) == 10


def test_a_queue_that_is_played_through_agrees_with_the_formula_where_no_batches_form():
    # 10 ms a sample, within 50 ms: M/D/1 gives 65.6 queries/s, M/D/2 more than twice that.
    for workers in (1, 2):
        expected = queueing_rate(100 * workers, workers, 10, 50, 99)
        assert batching_rate({1: 10.0}, workers, 1, 50, 99) == pytest.approx(expected, rel=0.15)


def test_batches_that_form_raise_the_rate_and_those_that_cost_as_much_do_not():
    alone = batching_rate({1: 10.0}, 1, 1, 50, 99)
    assert batching_rate({1: 10.0, 4: 12.0}, 1, 4, 50, 99) > 1.5 * alone
    assert batching_rate({1: 10.0, 4: 40.0}, 1, 4, 50, 99) <= alone


def test_a_bound_below_one_sample_leaves_nothing():
    assert batching_rate({1: 20.0}, 2, 1, 15, 99) == 0


def test_batches_that_are_late_themselves_are_worth_less_than_smaller_ones():
    times = {1: 5.0, 2: 6.0, 4: 8.0}
    assert batching_rate(times, 2, 4, 7, 99) <= batching_rate(times, 2, 2, 7, 99)
