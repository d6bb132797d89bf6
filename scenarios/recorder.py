"""What the harness itself notes while LoadGen runs: latencies, batches, progress."""

from array import array
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from loadscope.rundir.rowfile import BATCHES, LATENCIES
from loadscope.scenarios.live_counters import ANSWERED, ISSUED, LiveCounters


class Recorder:
    """Collects numbers during a test, cheaply, and writes them after it.

    Latencies are int64 nanoseconds, one a query, from the issue callback to the hand-over to
    LoadGen. Where workers answer, batches are rows of four int64: start, end (nanoseconds
    since the first batch), samples, worker. Appending is atomic under the interpreter lock,
    so workers share one recorder.

    Args:
        counters: Where a process that watches finds what is answered; None where none does.
    """

    def __init__(self, counters: LiveCounters | None = None) -> None:
        self.latencies = array("q")
        self._batches: list[tuple[int, int, int, int]] = []
        counters = counters or LiveCounters()
        self._words, self._slot = counters.words, counters.slot

    def issued(self, samples: int) -> None:
        """Note samples that are issued and wait; by the one thread that issues."""
        self._words[ISSUED] += samples

    def query(self, start: int, samples: int) -> None:
        """Note a query that was issued at ``start`` (``perf_counter_ns``) and is answered."""
        latency = perf_counter_ns() - start
        self.latencies.append(latency)
        words = self._words
        words[ANSWERED] += samples
        words[self._slot()] = latency

    def answered(self, latencies: Sequence[int]) -> None:
        """Note the latencies of queries that were answered in a batch, nanoseconds."""
        self.latencies.extend(latencies)
        words, slot = self._words, self._slot
        for latency in latencies:
            words[slot()] = latency

    def batch(self, start: int, samples: int, worker: int) -> None:
        """Note a batch that began at ``start`` (``perf_counter_ns``) and ends now."""
        self._batches.append((start, perf_counter_ns(), samples, worker))
        self._words[ANSWERED] += samples

    def save(self, folder: Path) -> None:
        """Write what there is of ``rowfile.LATENCIES`` and ``rowfile.BATCHES``."""
        if self.latencies:
            LATENCIES.write(folder, np.frombuffer(self.latencies, np.int64))
        if self._batches:
            rows = np.array(self._batches, np.int64)
            rows[:, :2] -= rows[:, 0].min()
            BATCHES.write(folder, rows)
