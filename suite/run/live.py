"""The watching side of a test: from counters and the machine's noise to ``progress.json``."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from loadscope.names import Mode
from loadscope.rundir.progress import (
    LatencySoFar,
    LiveProgress,
    NoiseSoFar,
    Phase,
    remove_progress,
    utc_now,
    write_progress,
)
from loadscope.scenarios.live_counters import RING, Counted
from loadscope.suite.run.engine import RequestedTest, Watch, require_wanted

WRITE_SECONDS = 1.0
_BINS_PER_DECADE = 200
_DECADES = 13
"""Up to 10,000 seconds in nanoseconds."""


class LatencyBins:
    """Percentiles of any number of latencies, in bounded memory."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS_PER_DECADE * _DECADES)
        self._seen = 0

    def add(self, counted: Counted) -> None:
        """Take what has come into the ring since the last call.

        Where more queries came than it holds, those that are there stand for all of them.
        """
        queries = counted.answered // counted.query_samples
        new, first = queries - self._seen, self._seen
        if new <= 0:
            return
        self._seen = queries
        places = np.arange(max(first, queries - RING), queries) % RING
        latest = counted.ring[places]
        latest = latest[latest > 0]
        if latest.size:
            bins = (np.log10(latest) * _BINS_PER_DECADE).astype(np.int64)
            found = np.bincount(bins.clip(0, self._counts.size - 1), minlength=self._counts.size)
            self._counts += found * (new / latest.size)

    def percentiles(self) -> LatencySoFar | None:
        """What there is so far; None where there is nothing."""
        below = np.cumsum(self._counts)
        if not below[-1]:
            return None
        at = np.searchsorted(below, below[-1] * np.array([0.5, 0.9, 0.99]))
        # The middle of the bin, so that half a bin, 0.6 %, is the most it can be off.
        p50, p90, p99 = (10 ** ((at + 0.5) / _BINS_PER_DECADE) / 1e6).tolist()
        return LatencySoFar(p50_ms=p50, p90_ms=p90, p99_ms=p99)


class LiveWatch:
    """Puts together where a test stands and writes it down once a second.

    Args:
        run_dir: The run directory.
        test: The test.
        watch: Told whatever is written.
        noise: Asked for the noise so far.
        clock: Seconds, of any beginning.
    """

    def __init__(
        self,
        run_dir: Path,
        test: RequestedTest,
        watch: Watch,
        noise: Callable[[], NoiseSoFar],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run_dir, self._test, self._watch = run_dir, test, watch
        self._noise, self._clock = noise, clock
        self._started = clock()
        self._written = -np.inf
        self._begun: tuple[float, int] | None = None
        self._bins = LatencyBins()

    def look(self, counted: Counted | None) -> None:
        """Take note of the counters, which should be a few times a second."""
        now = self._clock()
        if counted is not None:
            if self._begun is None and counted.phase is Phase.RUNNING:
                # What was answered before this look must not count as this fast.
                self._begun = now, counted.answered
            self._bins.add(counted)
        if now - self._written >= WRITE_SECONDS:
            self._written = now
            live = self._progress(now, counted)
            write_progress(self._run_dir, live)
            self._watch(live)

    def end(self, counted: Counted | None) -> None:
        """The process has ended: remove the file and say so."""
        remove_progress(self._run_dir)
        if counted is not None:
            self._bins.add(counted)
        live = self._progress(self._clock(), counted)
        self._watch(live.model_copy(update={"phase": Phase.ENDED, "left_s": None}))

    def _progress(self, now: float, counted: Counted | None) -> LiveProgress:
        asked = self._test
        live = LiveProgress(
            test=asked.mode,
            run=asked.run,
            runs=asked.runs,
            phase=Phase.LOADING if counted is None else counted.phase,
            updated=utc_now(),
            elapsed_s=round(now - self._started, 3),
            noise=self._noise(),
        )
        if counted is None:
            return live
        # A test may have ended before anybody looked at it while it ran.
        begun, before = self._begun or (now, counted.answered)
        running, answered = now - begun, counted.answered - before
        rate = answered / running if running > 0 and answered else None
        return live.model_copy(
            update={
                "left_s": _left(counted, running, rate),
                "queries_issued": max(counted.issued, counted.answered) // counted.query_samples,
                "queries_answered": counted.answered // counted.query_samples,
                "samples_per_second": rate,
                "latency": self._bins.percentiles(),
            }
        )


def _left(counted: Counted, running: float, rate: float | None) -> float | None:
    if counted.phase is not Phase.RUNNING or not (counted.least_samples or counted.least_ms):
        return None
    missing = counted.least_samples - counted.answered
    if missing > 0 and rate is None:
        return None
    by_samples = missing / rate if rate else 0.0
    return round(max(0.0, counted.least_ms / 1e3 - running, by_samples), 3)


def layout_watch(run_dir: Path, test: RequestedTest, watch: Watch) -> Callable[[float], None]:
    """What a search of a layout tells how many seconds are left, a few times a second.

    Args:
        run_dir: The run directory.
        test: The test that the layout is for.
        watch: Told once a second.
    """
    started, written = time.monotonic(), -np.inf

    def look(left: float) -> None:
        nonlocal written
        require_wanted(run_dir)
        now = time.monotonic()
        if now - written < WRITE_SECONDS:
            return
        written = now
        live = LiveProgress(
            test=test.mode,
            run=test.run,
            runs=test.runs,
            phase=Phase.LAYOUT,
            updated=utc_now(),
            elapsed_s=round(now - started, 3),
            left_s=round(max(0.0, left), 3),
        )
        write_progress(run_dir, live)
        watch(live)

    return look


@contextlib.contextmanager
def scoring(run_dir: Path, mode: Mode) -> Iterator[None]:
    """Keep ``progress.json`` of work that follows a test, from a thread beside that work."""
    started, ended = time.monotonic(), threading.Event()

    def tell() -> None:
        while True:
            elapsed = round(time.monotonic() - started, 3)
            live = LiveProgress(
                test=mode, phase=Phase.SCORING, updated=utc_now(), elapsed_s=elapsed
            )
            write_progress(run_dir, live)
            if ended.wait(WRITE_SECONDS):
                return

    thread = threading.Thread(target=tell, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        remove_progress(run_dir)
