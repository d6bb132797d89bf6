import math

import pytest

from loadscope.scenarios.queueing import queueing_rate


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
