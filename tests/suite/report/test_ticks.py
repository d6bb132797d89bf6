import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadscope.suite.report.figures.ticks import tick_label, time_ticks


def test_a_narrow_axis_has_even_ticks() -> None:
    assert time_ticks(5.1e6, 12.9e6) == pytest.approx([6e6, 8e6, 10e6, 12e6])


def test_an_axis_of_some_decades_has_ticks_at_one_two_and_five() -> None:
    assert time_ticks(4.6e6, 130e6) == pytest.approx([5e6, 10e6, 20e6, 50e6, 100e6])


def test_an_axis_of_many_decades_has_the_decades() -> None:
    assert time_ticks(900, 2e9) == pytest.approx([1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9])


@given(st.floats(1, 1e12), st.floats(1.005, 1e9))
def test_any_axis_has_two_to_twelve_ticks_inside_it(low: float, ratio: float) -> None:
    ticks = time_ticks(low, low * ratio)
    assert 2 <= len(ticks) <= 12
    assert low * (1 - 1e-9) <= ticks[0] < ticks[-1] <= low * ratio * (1 + 1e-9)


def test_a_tick_label_has_its_unit_and_no_needless_digit() -> None:
    assert [tick_label(value) for value in (250e3, 1.5e9, 10e6)] == ["250 µs", "1.5 s", "10 ms"]
