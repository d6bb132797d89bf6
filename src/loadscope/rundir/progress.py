"""``progress.json`` of a run directory: where the test stands that runs at this moment.

The process that watches the test rewrites the file by rename, and removes it when the test is
over. One that stays behind without being rewritten is of a run that was killed.
"""

import contextlib
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from loadscope.names import Mode

PROGRESS_FILE = "progress.json"
_STALE = timedelta(seconds=15)
"""It is rewritten once a second; a machine that swaps can be late by a few."""


class Phase(StrEnum):
    """What a test is doing; ``ENDED`` is only ever said to a watcher, for the file is gone."""

    LAYOUT = "finding a layout"
    LOADING = "loading"
    WARMING_UP = "warming up"
    CALIBRATING = "calibrating"
    RUNNING = "running"
    FINISHING = "finishing"
    SCORING = "scoring"
    ENDED = "ended"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LatencySoFar(_Part):
    """Percentiles of the latency so far, milliseconds; exact to 1.2 %."""

    p50_ms: float
    p90_ms: float
    p99_ms: float


class NoiseSoFar(_Part):
    """What else the machine has done since the test began, percent of its CPU time."""

    others_percent: float
    steal_percent: float


class LiveProgress(_Part):
    """The content of the file.

    Attributes:
        test: Which LoadGen test.
        run: Which repeat of it, from 1.
        runs: How many there are.
        phase: What it is doing.
        updated: When the file was written.
        elapsed_s: Seconds since the test's process was started.
        left_s: Seconds that LoadGen still needs, estimated; None where nothing is known of it.
        queries_issued: By LoadGen; of Offline each sample counts. In SingleStream and MultiStream
            one more may be under way.
        queries_answered: Of these.
        samples_per_second: Answered since LoadGen began; None before.
        latency: None before the first answer, and in Offline.
        noise: None while nothing is measured.
    """

    format: Literal[1] = 1
    test: Mode
    run: int = 1
    runs: int = 1
    phase: Phase
    updated: AwareDatetime
    elapsed_s: float
    left_s: float | None = None
    queries_issued: int = 0
    queries_answered: int = 0
    samples_per_second: float | None = None
    latency: LatencySoFar | None = None
    noise: NoiseSoFar | None = None

    def stale(self, now: datetime) -> bool:
        """Whether the process that wrote this is gone: the run was killed."""
        return now - self.updated > _STALE


@runtime_checkable
class LiveReport(Protocol):
    """A ``progress`` that is told more of a test than how far it is."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Be told how far a stage is, as any ``progress``."""

    def live(self, name: str, now: LiveProgress) -> None:
        """Be told about once a second where a test stands.

        Args:
            name: Model, framework, scenario and test, for people.
            now: Where it stands; the last has the phase ``ENDED``.
        """


def utc_now() -> datetime:
    """The time of ``updated``."""
    return datetime.now(UTC)


def read_progress(run_dir: Path) -> LiveProgress | None:
    """What a run directory says of the test that runs; None where none does.

    A file that cannot be read counts as none: it is of another version.
    """
    try:
        return LiveProgress.model_validate_json((run_dir / PROGRESS_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def write_progress(run_dir: Path, live: LiveProgress) -> None:
    """Replace the file by rename.

    It is not flushed to the disk, which could disturb what is measured, and a disk that is full
    ends no test.
    """
    part = run_dir / f".{PROGRESS_FILE}.part"
    with contextlib.suppress(OSError):
        part.write_text(live.model_dump_json(indent=2) + "\n", encoding="utf-8")
        part.replace(run_dir / PROGRESS_FILE)


def remove_progress(run_dir: Path) -> None:
    """Remove the file: no test runs."""
    for name in (PROGRESS_FILE, f".{PROGRESS_FILE}.part"):
        with contextlib.suppress(OSError):
            (run_dir / name).unlink(missing_ok=True)
