import pytest

from loadscope.suite.tune.rate_estimate import Tried, bracket, next_rate


def search(highest, estimate, tolerance=0.03, disturbed=None):
    tried: list[Tried] = []
    while (rate := next_rate(tried, estimate, tolerance)) is not None:
        tried.append(Tried(rate, rate <= highest and len(tried) != disturbed))
        assert len(tried) < 30
    return bracket(tried)[0], len(tried)


@pytest.mark.parametrize("estimate", [1, 60, 100, 101, 130, 5000])
def test_the_search_ends_within_the_tolerance_of_the_highest_valid_rate(estimate):
    found, tries = search(100, estimate)
    assert 100 / 1.03 <= found <= 100
    assert tries <= 20


def test_a_good_estimate_takes_few_probes():
    assert search(100, 95)[1] <= 6


@pytest.mark.parametrize("estimate", [60, 95, 130])
@pytest.mark.parametrize("disturbed", range(12))
def test_one_disturbed_run_costs_no_rate(estimate, disturbed):
    assert 100 / 1.03 <= search(100, estimate, disturbed=disturbed)[0] <= 100


def test_the_estimate_is_tried_after_a_calibrated_first_probe():
    assert next_rate([Tried(50, True)], 80, 0.03) == 80


def test_a_rate_that_fails_at_full_length_takes_the_higher_ones_with_it():
    tried = [Tried(90, True), Tried(100, True), Tried(103, False), Tried(100, False)]
    assert bracket(tried) == (90, 100)


def test_what_the_search_would_end_at_is_tried_once_more_and_no_oftener():
    tried = [Tried(100, True), Tried(103, False), Tried(110, False)]
    assert next_rate(tried, 100, 0.03) == 103
    assert bracket([*tried, Tried(103, True)]) == (103, 110)
    tried.append(Tried(103, False))
    assert next_rate(tried, 100, 0.03) is None
    assert bracket([*tried, Tried(103, True)]) == (100, 103), "one time in three is not enough"
