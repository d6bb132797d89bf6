"""Runs that were asked for on a page: files below the folder of runs, each a process of its own.

The files are the state. A job outlives the server, which finds it again by its process; one test
runs at a time, and a job waits for those of others on the machine too.
"""

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

import psutil
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.rundir.directory import RUN_FILE
from loadscope.suite.run.engine import request_cancel
from loadscope.suite.run.machine import measurements

FOLDER = ".jobs"
MOST_WAITING = 50
State = Literal["waiting", "running", "ended", "cancelled"]


class Job(BaseModel):
    """A run that was asked for.

    Attributes:
        id: In addresses.
        arguments: Of ``loadscope run``, without ``--output``.
        title: For people.
        place: Its turn among those that wait; smaller is earlier.
        pid, began: The process and when it began, by which it is told from a later one of its
            number.
        status: The exit status, once it has ended; None where nobody saw it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    arguments: tuple[str, ...]
    title: str
    asked: AwareDatetime
    place: float
    state: State = "waiting"
    pid: int | None = None
    began: float | None = None
    status: int | None = None

    @property
    def command(self) -> str:
        """For a terminal."""
        return shlex.join(["loadscope", "run", *self.arguments])


class Jobs:
    """The jobs of a folder of runs.

    Args:
        runs: The folder.
    """

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._folder = runs / FOLDER
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def ask(self, arguments: tuple[str, ...], title: str) -> Job:
        """Put a run at the end of the queue.

        Raises:
            InputError: Too many wait already.
        """
        with self._lock:
            waiting = [job for job in self.all() if job.state == "waiting"]
            if len(waiting) >= MOST_WAITING:
                raise InputError(f"{len(waiting)} runs wait already", "cancel some of them")
            now = datetime.now(UTC)
            job = Job(
                id=f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:6]}",
                arguments=arguments,
                title=title,
                asked=now,
                place=max((one.place for one in waiting), default=0.0) + 1,
            )
            self._write(job)
        self.step()
        return job

    def all(self) -> list[Job]:
        """Every job: what runs, those that wait in their order, the others, the latest first."""
        found = []
        for path in self._folder.glob("*.json"):
            try:
                found.append(Job.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError):
                continue
        waiting = sorted((job for job in found if job.state == "waiting"), key=_place)
        others = sorted((job for job in found if job.state != "waiting"), key=_asked, reverse=True)
        running = [job for job in others if job.state == "running"]
        return [*running, *waiting, *(job for job in others if job.state != "running")]

    def turn(self, job: Job) -> tuple[int, int] | None:
        """Which of how many that wait a job is, from 1; None where it does not wait."""
        waiting = [one.id for one in self.all() if one.state == "waiting"]
        return (waiting.index(job.id) + 1, len(waiting)) if job.id in waiting else None

    def get(self, identity: str) -> Job | None:
        """The job of an id."""
        return next((job for job in self.all() if job.id == identity), None)

    def folder(self, job: Job) -> Path:
        """Its run directory."""
        return self._runs / job.id

    def log(self, job: Job, most_bytes: int = 8192) -> str:
        """The end of what it has printed."""
        try:
            with (self._folder / f"{job.id}.log").open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - most_bytes))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def move(self, job: Job, place: int) -> None:
        """Have a job that waits run at a place among those that wait, of which the first is 0."""
        with self._lock:
            waiting = [one for one in self.all() if one.state == "waiting" and one.id != job.id]
            at = max(0, place)
            for number, one in enumerate([*waiting[:at], job, *waiting[at:]]):
                self._write(one.model_copy(update={"place": float(number)}))

    def cancel(self, job: Job) -> None:
        """Take a job out of the queue, or end its run; what it measured before stays."""
        with self._lock:
            if job.state == "waiting":
                self._write(job.model_copy(update={"state": "cancelled"}))
            elif self._alive(job):
                if (self.folder(job) / RUN_FILE).exists():
                    request_cancel(self.folder(job))
                else:
                    # It still resolves what was asked for, and has measured nothing.
                    os.killpg(job.pid or 0, 15)
                self._write(job.model_copy(update={"state": "cancelled"}))

    def ending(self, job: Job) -> bool:
        """Whether its run was cancelled and still tidies up."""
        return job.state == "cancelled" and job.pid is not None and self._alive(job)

    def step(self) -> None:
        """Look after what runs, and start the next one if the machine is free."""
        with self._lock:
            running = False
            for job in self._unended():
                if self._alive(job):
                    running = True
                elif job.state == "running":
                    status = self._status(job)
                    self._write(job.model_copy(update={"state": "ended", "status": status}))
            waiting = [job for job in self.all() if job.state == "waiting"]
            if waiting and not running and not measurements():
                self._start(waiting[0])

    def _unended(self) -> Iterator[Job]:
        yield from (job for job in self.all() if job.state in ("running", "cancelled") and job.pid)

    def _start(self, job: Job) -> None:
        command = [sys.executable, "-P", "-m", "loadscope", "run", *job.arguments]
        with (self._folder / f"{job.id}.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--output", str(self.folder(job))],
                cwd=self._runs.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # It outlives the server, and Ctrl-C there is not its.
                start_new_session=True,
            )
        self._processes[job.id] = process
        began = psutil.Process(process.pid).create_time()
        update = {"state": "running", "pid": process.pid, "began": began}
        self._write(job.model_copy(update=update))

    def _alive(self, job: Job) -> bool:
        own = self._processes.get(job.id)
        if own is not None:
            return own.poll() is None
        try:
            process = psutil.Process(job.pid)
            same = abs(process.create_time() - (job.began or 0)) < 1
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def _status(self, job: Job) -> int | None:
        own = self._processes.pop(job.id, None)
        return own.returncode if own else None

    def _write(self, job: Job) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(job.model_dump(mode="json"), indent=2)
        write_text(self._folder / f"{job.id}.json", text + "\n")


def _place(job: Job) -> float:
    return job.place


def _asked(job: Job) -> datetime:
    return job.asked
