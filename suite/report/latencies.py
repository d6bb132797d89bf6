"""The latencies of one run, reduced to what a page can hold."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.rundir.rowfile import LATENCIES

BINS_PER_DECADE = 1000
"""Fine bins are 0.23 % wide and begin at powers of 10**(1/1000) ns, so those of all runs align."""

_CURVE_POINTS = 400
_STRAGGLER = 1.25


@dataclass(frozen=True, eq=False)
class Latencies:
    """Latencies per query of one run.

    Attributes:
        queries: Their count.
        low_ns: Where the fast end begins: the 0.1 % percentile, or 0.8 times the 1 % percentile
            if that is higher.
        high_ns: Where the slow end begins: the 99.9 % percentile, or 1.25 times the 99 %
            percentile if that is lower.
        max_ns: The largest.
        ranks: Positions in the sorted latencies, ascending from 0 to queries - 1, shape
            ``(points,)``, int64; dense towards the slow end, at most 400.
        values_ns: The latencies at ``ranks``, int64.
        first_bin: The power of 10**(1/BINS_PER_DECADE) ns at which the first fine bin begins.
        counts: Queries in each fine bin, int64.
    """

    queries: int
    low_ns: float
    high_ns: float
    max_ns: int
    ranks: NDArray[np.int64]
    values_ns: NDArray[np.int64]
    first_bin: int
    counts: NDArray[np.int64]


def read_latencies(path: Path) -> Latencies:
    """Reduce ``latency.bin`` (``rowfile.LATENCIES``) to curve and histogram.

    A percentile is taken as LoadGen takes it (loadgen/results.cc, ``ProcessLatencies``): the
    element at position floor(count * fraction) of the sorted latencies.

    Raises:
        InputError: A latency is not positive.
    """
    ordered = np.sort(LATENCIES.read(path)[:, 0])
    if ordered[0] <= 0:
        raise InputError(
            f"{path} is corrupt: it holds a latency of {ordered[0]} ns", "repeat the run"
        )
    queries = len(ordered)
    ranks = _curve_ranks(queries)
    first_bin = _bin_of(ordered[0])
    edges = np.arange(first_bin, _bin_of(ordered[-1]) + 2, dtype=np.float64)
    # The last bin is open above, lest rounding of its edge loses the largest latency.
    inner = np.searchsorted(ordered, 10.0 ** (edges[1:-1] / BINS_PER_DECADE), side="left")
    counts = np.diff(np.concatenate([[0], inner, [queries]]))
    return Latencies(
        queries=queries,
        low_ns=max(ordered[int(queries * 0.001)], ordered[int(queries * 0.01)] / _STRAGGLER),
        high_ns=min(ordered[int(queries * 0.999)], ordered[int(queries * 0.99)] * _STRAGGLER),
        max_ns=int(ordered[-1]),
        ranks=ranks,
        values_ns=ordered[ranks],
        first_bin=first_bin,
        counts=counts.astype(np.int64),
    )


def _curve_ranks(queries: int) -> NDArray[np.int64]:
    """Spread ranks evenly over the number of nines, log10(1 / (1 - rank / queries))."""
    nines = np.linspace(0.0, np.log10(queries), _CURVE_POINTS)
    remaining = np.clip(np.rint(queries * 10.0**-nines), 1, queries).astype(np.int64)
    ranks: NDArray[np.int64] = np.unique(queries - remaining)
    return ranks


def _bin_of(nanoseconds: int) -> int:
    return int(np.floor(np.log10(float(nanoseconds)) * BINS_PER_DECADE))
