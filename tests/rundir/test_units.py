import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadscope.units import milliseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("15ms", 15), ("15", 15), (15, 15), ("0.5 s", 500), ("10min", 600_000), ("250us", 0.25),
     ("250µs", 0.25), ("1e6ns", 1), ("1h", 3_600_000)],
)  # fmt: skip
def test_units(text, expected):
    assert milliseconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "fast", "-5ms", "0", "15 parsec", "15qps", "nan", "1.2.3s"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"time|unit|longer than zero"):
        milliseconds(text)


@pytest.mark.parametrize("text", ["15000000", "0.015"])
def test_a_bare_number_of_the_wrong_size_asks_for_its_unit(text):
    with pytest.raises(ValueError, match="write the unit"):
        milliseconds(text, plausible=(0.1, 10_000))


@given(st.floats(1e-3, 1e6))
def test_a_unit_is_believed_whatever_the_size(value):
    assert milliseconds(f"{value!r}us", plausible=(0.1, 10_000)) == pytest.approx(value / 1000)
