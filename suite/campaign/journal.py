"""``journal.jsonl``: what a campaign has done, an event a line, in order and on the disk.

What is read back from it, together with the folders of jobs on the hosts, is all there is to know
of a campaign: whoever is killed, the next one reads it and goes on.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from loadscope.errors import InputError, WorkError
from loadscope.rundir.part import Part
from loadscope.suite.campaign.job import Outcome

JOURNAL_FILE = "journal.jsonl"

Kind = Literal["assigned", "ended", "reassigned", "host", "resumed", "reopened"]
HostCondition = Literal["ready", "refused", "unreachable", "paused"]


class Event(Part):
    """A line of the journal.

    Attributes:
        at: Seconds since the epoch by the coordinator's clock.
        kind: ``assigned`` is written before a host hears of the job. ``host`` says that a host's
            condition has changed, ``reopened`` that a run is wanted again that had failed for good.
        run: The run's id in the plan.
        try_: Which try of it, from 1.
        host: The host.
        goes_on: Whether the try goes on with the run directory of the one before.
        outcome: What the try came to; None where its host has lost it.
        reason: Why.
        condition: Of a host.
    """

    at: float
    kind: Kind
    run: str = ""
    try_: int = 0
    host: str = ""
    goes_on: bool = False
    outcome: Outcome | None = None
    reason: str = ""
    condition: HostCondition | None = None


class Journal:
    """The file, open for adding to.

    Args:
        folder: The campaign's folder.
        durable: Whether each event is on the disk before ``add`` returns.
    """

    def __init__(self, folder: Path, durable: bool = True) -> None:
        self._path, self._durable = folder / JOURNAL_FILE, durable
        self._lock = threading.Lock()
        _drop_torn_line(self._path)
        try:
            self._file = self._path.open("ab")
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def add(self, event: Event) -> None:
        """Add an event.

        Raises:
            WorkError: The disk is full.
        """
        line = event.model_dump_json(exclude_defaults=True).encode() + b"\n"
        with self._lock:
            try:
                self._file.write(line)
                self._file.flush()
                if self._durable:
                    os.fsync(self._file.fileno())
            except OSError as error:
                raise _unwritable(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_journal(folder: Path) -> Iterator[Event]:
    """The events of a campaign in their order; a last line that was cut short is no event.

    Raises:
        InputError: Another line is none.
    """
    path = folder / JOURNAL_FILE
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                yield Event.model_validate_json(line)
            except ValidationError as error:
                raise InputError(
                    f"{path} line {number}: not an event: {error.errors()[0]['msg']}",
                    "use the version of LoadScope that wrote it",
                ) from error


def _drop_torn_line(path: Path) -> None:
    """What a crash has left of a line makes way for the next one."""
    try:
        with path.open("r+b") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            if whole != len(content):
                file.truncate(whole)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> WorkError:
    return WorkError(
        f"cannot write {path}: {error.strerror or error}",
        "free space there, then loadscope campaign resume",
    )
