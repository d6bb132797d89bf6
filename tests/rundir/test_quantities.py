import pytest

from loadscope.quantities import duration, number, percentage, quantity


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.012344, "0.01234"),
        (1.5, "1.500"),
        (171.234, "171.2"),
        (9999.4, "9,999"),
        (1234567.8, "1,234,568"),
    ],
)
def test_a_number_has_four_significant_digits_and_keeps_whole_ones(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(950, "950.0 ns"), (4_200, "4.200 µs"), (6_502_000, "6.502 ms"), (1.5e9, "1.500 s")],
)
def test_a_duration_has_the_unit_that_suits_its_size(nanoseconds: float, text: str) -> None:
    assert duration(nanoseconds) == text


def test_a_time_quantity_may_change_its_unit() -> None:
    assert quantity(0.0042, "ms") == "4.200 µs"


def test_another_quantity_keeps_its_unit() -> None:
    assert quantity(171.23, "samples/s") == "171.2 samples/s"


def test_a_percentage_has_the_digits_that_tell_the_items_apart() -> None:
    assert [percentage(0.5, 2), percentage(0.99, 100), percentage(0.9999, 10_000)] == [
        "50 %",
        "99 %",
        "99.99 %",
    ]
