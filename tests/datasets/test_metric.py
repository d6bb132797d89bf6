import math

from loadscope.datasets.metric import ScoreMetric

TOP_1 = ScoreMetric("top-1")
ERRORS = ScoreMetric("wer", better="lower", most=math.inf)


def test_the_direction_decides_what_meets_a_target():
    assert TOP_1.meets(76.0, 75.7) and not TOP_1.meets(75.6, 75.7)
    assert ERRORS.meets(7.4, 7.5) and not ERRORS.meets(7.6, 7.5)
    assert TOP_1.meets(75.7, 75.7) and ERRORS.meets(7.5, 7.5)


def test_of_several_targets_the_hardest_counts():
    assert (TOP_1.strictest([75.7, 76.0]), ERRORS.strictest([7.5, 8.0])) == (76.0, 7.5)
    assert TOP_1.strictest([]) is None


def test_a_share_of_a_reference_is_kept_on_the_worse_side():
    assert math.isclose(TOP_1.kept(90.0, 0.99), 89.1)
    assert math.isclose(ERRORS.kept(9.9, 0.99), 10.0)


def test_a_range_may_be_open():
    assert TOP_1.holds(100.0) and not TOP_1.holds(100.1)
    assert ERRORS.holds(250.0) and not ERRORS.holds(-1.0)
    assert (TOP_1.range_text, ERRORS.range_text) == ("0 to 100 %", "at least 0 %")
