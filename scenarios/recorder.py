"""What the harness itself notes while LoadGen runs: latencies, batches, progress."""

import mmap
from array import array
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from loadscope.rundir.rowfile import BATCHES, LATENCIES

PROGRESS_BYTES = 8


class Recorder:
    """Collects numbers during a test, cheaply, and writes them after it.

    Latencies are int64 nanoseconds, one a query, from the issue callback to the hand-over to
    LoadGen. Where workers answer, batches are rows of four int64: start, end (nanoseconds
    since the first batch), samples, worker. Appending is atomic under the interpreter lock,
    so workers share one recorder.

    Args:
        progress: An 8-byte file in which the number of answered samples is kept, native
            order, for a process that watches; None to keep none.
    """

    def __init__(self, progress: Path | None = None) -> None:
        self.latencies = array("q")
        self._batches: list[tuple[int, int, int, int]] = []
        self._done = memoryview(bytearray(PROGRESS_BYTES)).cast("q")
        if progress is not None:
            progress.write_bytes(bytes(PROGRESS_BYTES))
            with progress.open("r+b") as file:
                self._done = memoryview(mmap.mmap(file.fileno(), PROGRESS_BYTES)).cast("q")

    def query(self, start: int, samples: int) -> None:
        """Note a query that was issued at ``start`` (``perf_counter_ns``) and is answered."""
        self.latencies.append(perf_counter_ns() - start)
        self._done[0] += samples

    def batch(self, start: int, samples: int, worker: int) -> None:
        """Note a batch that began at ``start`` (``perf_counter_ns``) and ends now."""
        self._batches.append((start, perf_counter_ns(), samples, worker))
        self._done[0] += samples

    def save(self, folder: Path) -> None:
        """Write what there is of ``rowfile.LATENCIES`` and ``rowfile.BATCHES``."""
        if self.latencies:
            LATENCIES.write(folder, np.frombuffer(self.latencies, np.int64))
        if self._batches:
            rows = np.array(self._batches, np.int64)
            rows[:, :2] -= rows[:, 0].min()
            BATCHES.write(folder, rows)
