"""One job on its host: a folder whose files and locks are its state.

=============  ====================================================================================
``job.json``   The job.
``.alive``     Held (flock) by the job's process and nobody else, for as long as it lives.
``state.json`` The process, and when it had the host.
``run/``       The run directory.
``job.log``    What the process printed.
``ended.json`` The outcome; written last, by rename.
=============  ====================================================================================

Whether a job runs is told by the lock: no crash leaves it behind, and no other process can be
taken for the one that has it.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import ValidationError

from loadscope.errors import InputError, WorkError
from loadscope.files import write_text
from loadscope.rundir.directory import RUN_FILE
from loadscope.rundir.part import Part
from loadscope.rundir.progress import read_progress
from loadscope.suite.campaign.job import Job, JobState, Outcome, job_environment
from loadscope.suite.run.engine import request_cancel

JOB_FILE, STATE_FILE, ENDED_FILE, LOG_FILE, RUN = (
    "job.json", "state.json", "ended.json", "job.log", "run",
)  # fmt: skip
ALIVE = ".alive"
_STARTING = ".starting"


class ProcessState(Part):
    """The content of ``state.json``.

    Attributes:
        pid: The job's process; it leads a session of its own.
        created: When it was created, by which it is told from a later one of its number.
        began: When it had the host's lock, seconds since the epoch; None while it waits.
    """

    pid: int
    created: float
    began: float | None = None


@dataclass(frozen=True)
class JobFolder:
    """The folder of a job."""

    path: Path

    @property
    def run(self) -> Path:
        """The run directory."""
        return self.path / RUN

    def job(self) -> Job:
        """The job.

        Raises:
            InputError: There is none.
        """
        try:
            return Job.model_validate_json((self.path / JOB_FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise InputError(
                f"{self.path / JOB_FILE}: not a job: {type(error).__name__}",
                "start it with loadscope campaign start",
            ) from error

    def write_job(self, job: Job) -> None:
        """Keep the job; one of the same id that is there already must be the same.

        Raises:
            InputError: Another one is there.
        """
        if (self.path / JOB_FILE).exists():
            if self.job() != job:
                raise InputError(
                    f"{self.path}: another job of that id is there",
                    "give the campaign a folder of its own on this host",
                )
            return
        write_text(self.path / JOB_FILE, job.model_dump_json(indent=2) + "\n")

    def outcome(self) -> Outcome | None:
        """What it came to, once it has ended."""
        try:
            return Outcome.model_validate_json((self.path / ENDED_FILE).read_bytes())
        except OSError:
            return None

    def end(self, outcome: Outcome) -> None:
        """Write the outcome."""
        write_text(self.path / ENDED_FILE, outcome.model_dump_json(indent=2) + "\n")

    def alive(self) -> bool:
        """Whether its process lives."""
        try:
            descriptor = os.open(self.path / ALIVE, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def state(self) -> JobState:
        """How it stands."""
        # In this order: a process that ends in between has said so.
        alive = self.alive()
        if (outcome := self.outcome()) is not None:
            return JobState(status="ended", outcome=outcome)
        process = self._process()
        if alive:
            waits = process is None or process.began is None
            return JobState(
                status="waiting" if waits else "running", progress=read_progress(self.run)
            )
        if not (self.path / ALIVE).exists():
            return JobState(status="absent")
        return JobState(status="lost", said=(self.log().strip().splitlines() or [""])[-1])

    def start(self, host_lock: Path, environment: dict[str, str]) -> None:
        """Start its process, unless it lives or has ended; it outlives this one.

        Args:
            host_lock: The file whose lock is the host's.
            environment: Of this process; the job's takes ``HOST_VARIABLES`` of it.

        Raises:
            WorkError: It cannot be started.
        """
        with locked(self.path / _STARTING):
            if self.outcome() is not None or self.alive():
                return
            command = [sys.executable, "-P", "-m", "loadscope.suite.campaign.job_process"]
            alive = os.open(self.path / ALIVE, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                # The process has the lock from its first moment: it is handed on, not taken.
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with (self.path / LOG_FILE).open("ab") as log:
                    # In a session of its own it ends with nobody.
                    process = subprocess.Popen(
                        [*command, str(self.path), str(host_lock)],
                        cwd=self.path,
                        env=job_environment(self.job(), environment),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        pass_fds=(alive,),
                        start_new_session=True,
                    )
                # Where this one lives longer, the ended one shall leave no entry with the system.
                threading.Thread(target=process.wait, daemon=True).start()
            except OSError as error:
                raise WorkError(
                    f"{self.path}: the job cannot be started: {error}", "see the host's disk"
                ) from error
            finally:
                os.close(alive)

    def has_begun(self, began: float | None) -> None:
        """Say as the job's process which one it is, and since when it has the host."""
        created = psutil.Process().create_time()
        state = ProcessState(pid=os.getpid(), created=created, began=began)
        write_text(self.path / STATE_FILE, state.model_dump_json(indent=2) + "\n")

    def cancel(self) -> None:
        """Have it end: between two samples where a test runs, at once where none does."""
        if self.outcome() is not None or not self.alive():
            return
        if (self.run / RUN_FILE).exists():
            request_cancel(self.run)
        elif (process := self._process()) is not None and _lives(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)

    def log(self, most_bytes: int = 4096) -> str:
        """The end of what it has printed."""
        try:
            with (self.path / LOG_FILE).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - most_bytes))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def _process(self) -> ProcessState | None:
        try:
            return ProcessState.model_validate_json((self.path / STATE_FILE).read_bytes())
        except (OSError, ValidationError):
            return None


def _lives(process: ProcessState) -> bool:
    try:
        return abs(psutil.Process(process.pid).create_time() - process.created) < 1
    except psutil.Error:
        return False


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Have the lock of a file, which is made; wait for it."""
    with path.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
