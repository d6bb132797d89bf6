from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadscope.errors import InputError
from loadscope.suite.report.latencies import BINS_PER_DECADE, Latencies, read_latencies


def _read(folder: Path, values: list[int]) -> Latencies:
    path = folder / "latency.bin"
    path.write_bytes(b"".join(value.to_bytes(8, "little", signed=True) for value in values))
    return read_latencies(path)


def test_the_curve_goes_from_the_smallest_to_the_largest(tmp_path: Path) -> None:
    found = _read(tmp_path, [30, 10, 20, 50, 40])
    assert found.ranks.tolist() == [0, 1, 2, 3, 4]
    assert found.values_ns.tolist() == [10, 20, 30, 40, 50]


def test_a_long_run_keeps_at_most_400_points_that_are_dense_at_the_slow_end(
    tmp_path: Path,
) -> None:
    found = _read(tmp_path, list(range(1, 100_001)))
    assert len(found.ranks) <= 400
    assert found.values_ns.tolist() == (found.ranks + 1).tolist()
    assert found.ranks[-10:].tolist() == list(range(99_990, 100_000))


def test_fine_bins_begin_at_powers_of_ten_to_a_thousandth(tmp_path: Path) -> None:
    found = _read(tmp_path, [1000, 1000, 2000, 10_000])
    assert found.first_bin == 3 * BINS_PER_DECADE
    # log10(2000) = 3.30103: 301 fine bins after the one of 1000 ns; 10 000 ns is 1000 after.
    assert np.flatnonzero(found.counts).tolist() == [0, 301, 1000]
    assert found.counts[[0, 301, 1000]].tolist() == [2, 1, 1]


def test_stragglers_are_outside_the_low_and_high_marks(tmp_path: Path) -> None:
    # Of 1000 sorted latencies the one at position 10 is 10 000 and at 990 is 19 800 ns.
    values = [1, 2] + [9_920 + 8 * rank for rank in range(2, 10)] + [10_000] * 980
    values += [19_800] + [1_000_000] * 9
    found = _read(tmp_path, values)
    assert found.low_ns == pytest.approx(10_000 / 1.25)
    assert found.high_ns == pytest.approx(19_800 * 1.25)
    assert found.max_ns == 1_000_000


def test_a_run_without_stragglers_is_marked_at_its_thousandths(tmp_path: Path) -> None:
    found = _read(tmp_path, list(range(10_000, 11_000)))
    assert (found.low_ns, found.high_ns) == (10_001, 10_999)


@given(values=st.lists(st.integers(1, 10**13), min_size=1, max_size=300))
def test_every_query_is_counted_and_every_rank_is_a_sorted_position(
    values: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = _read(tmp_path_factory.mktemp("latencies"), values)
    assert found.counts.sum() == found.queries == len(values)
    ordered = sorted(values)
    assert found.values_ns.tolist() == [ordered[rank] for rank in found.ranks]
    assert (found.ranks[0], found.ranks[-1]) == (0, len(values) - 1)


@pytest.mark.parametrize("wrong", [0, -5])
def test_a_latency_that_is_not_positive_is_refused_by_file(tmp_path: Path, wrong: int) -> None:
    with pytest.raises(InputError, match=rf"latency\.bin is corrupt: .* latency of {wrong} ns"):
        _read(tmp_path, [100, wrong, 200])
