"""How much a run's figure varies within the run: bootstrap over blocks of what LoadGen timed.

Blocks of neighbours are drawn, not single queries, for what is slow lasts for more than one.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.names import Scenario
from loadscope.rundir.rowfile import BATCHES, LATENCIES
from loadscope.suite.run.view import ESTIMATED, RunView

BLOCKS = 100
_DRAWS = 1000
_BINS = 2048
_FEWEST = 20

Floats = NDArray[np.float64]


def draws_within(run: RunView, seed: int) -> tuple[Floats, str] | None:
    """The run's figure in each draw of blocks, and in words what was drawn.

    Of SingleStream and MultiStream it is the percentile that they are judged by, of Server the
    99th, of Offline the rate.

    Args:
        run: The run.
        seed: Of the draws; those of two runs must not be the same ones.

    Returns:
        Shape (1000,); None where the run kept too little of it.
    """
    if run.scenario is Scenario.OFFLINE:
        return _rates(run, seed)
    if run.latency_file is None:
        return None
    about = run.latency_file.stat()
    fraction = ESTIMATED.get(run.scenario, 0.99)
    return _latencies(run.latency_file, about.st_size, about.st_mtime_ns, fraction, seed)


# One that many are held against is drawn once.
@lru_cache(maxsize=64)
def _latencies(
    path: Path, size: int, changed: int, fraction: float, seed: int
) -> tuple[Floats, str] | None:
    """Percentiles of a file of latencies, which is told apart by its size and time, too."""
    latencies = LATENCIES.read(path)[:, 0].astype(np.float64)
    if len(latencies) < _FEWEST:
        return None
    blocks = min(BLOCKS, len(latencies) // 2)
    counts, edges = _histograms(latencies, blocks)
    places = _percentiles(counts, _weights(blocks, seed), fraction)
    return edges[places + 1], f"bootstrap over {blocks} blocks of {len(latencies):,} queries"


def _percentiles(counts: Floats, weights: Floats, fraction: float) -> NDArray[np.int64]:
    """Of each draw the first bin up to which it has so large a part of its queries.

    Args:
        counts: Queries in a bin of a block; shape (bins, blocks).
        weights: How often a draw has a block; shape (draws, blocks).
        fraction: The percentile, of 1.

    Returns:
        Shape (draws,).
    """
    below = np.cumsum(counts, axis=0)
    wanted = fraction * (weights @ below[-1])
    low = np.zeros(len(weights), np.int64)
    high = np.full(len(weights), len(below) - 1)
    # Halved until one is left: all bins of all draws would be a thousand times as many sums.
    while np.any(low < high):
        middle = (low + high) // 2
        met = np.einsum("db,db->d", weights, below[middle]) >= wanted
        high = np.where(met, middle, high)
        low = np.where(met, low, middle + 1)
    return low


def _histograms(latencies: Floats, blocks: int) -> tuple[Floats, Floats]:
    """Counts by bin and block; bins are narrow where latencies are dense, and at the slow end."""
    fractions = np.concatenate([np.linspace(0, 1, _BINS), 1 - np.logspace(-5, -1, _BINS)])
    # Of few queries each one is an edge.
    few = len(latencies) <= len(fractions)
    edges = np.unique(latencies if few else np.quantile(latencies, np.sort(fractions)))
    edges = np.concatenate([edges[:1] - 1, edges])
    bins = np.clip(np.searchsorted(edges, latencies) - 1, 0, len(edges) - 2)
    block = np.arange(len(latencies)) * blocks // len(latencies)
    wide = len(edges) - 1
    counts = np.bincount(bins * blocks + block, minlength=blocks * wide).reshape(wide, blocks)
    return counts.astype(np.float64), edges


def _rates(run: RunView, seed: int) -> tuple[Floats, str] | None:
    """Samples a second: of each block of batches, its samples and its share of the time."""
    if run.batches_file is None:
        return None
    rows = BATCHES.read(run.batches_file)
    if len(rows) < _FEWEST:
        return None
    rows = rows[np.argsort(rows[:, 1], kind="stable")]
    blocks = min(BLOCKS, len(rows) // 2)
    ends = [(block + 1) * len(rows) // blocks - 1 for block in range(blocks)]
    samples = np.diff(np.concatenate([[0], np.cumsum(rows[:, 2])[ends]])).astype(np.float64)
    times = np.diff(np.concatenate([[rows[:, 0].min()], rows[ends, 1]])).astype(np.float64)
    if times.sum() <= 0:
        return None
    weights = _weights(blocks, seed)
    return (
        1e9 * (weights @ samples) / np.maximum(weights @ times, 1.0),
        f"bootstrap over {blocks} blocks of {len(rows):,} batches",
    )


def _weights(blocks: int, seed: int) -> Floats:
    """How often each block comes in each draw."""
    drawn = np.random.default_rng(seed).integers(0, blocks, (_DRAWS, blocks))
    places = (np.arange(_DRAWS)[:, None] * blocks + drawn).ravel()
    return np.bincount(places, minlength=_DRAWS * blocks).reshape(_DRAWS, blocks).astype(np.float64)
