"""What people say of runs: baseline, hide, comment. Lines beside the runs, only ever added to.

They cannot be derived from anything, so that the index is not their home.
"""

import getpass
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loadscope.errors import WorkError

FILE = "loadscope-marks.jsonl"
Kind = Literal["baseline", "hide", "show", "comment"]


class Mark(BaseModel):
    """One line.

    Attributes:
        id: Its identity.
        kind: ``show`` takes a ``hide`` back; of one run the last of both counts.
        target: The run's identity.
        time: ISO 8601, UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(default_factory=lambda: str(uuid4()))
    kind: Kind
    target: str
    author: str = ""
    time: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="microseconds"))
    text: str = ""


def author() -> str:
    """Who is at work; empty where the system does not tell."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def append_mark(folder: Path, mark: Mark) -> None:
    """Add a line beside the runs of a folder; lines of several processes do not mix.

    Raises:
        WorkError: The folder may not be written.
    """
    path = folder / FILE
    line = json.dumps(mark.model_dump(), ensure_ascii=False) + "\n"
    try:
        # One write to a file that is open for appending is one line, whoever writes beside it.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise WorkError(
            f"cannot write {path}: {error.strerror}", "marks lie beside the runs; see its rights"
        ) from error


def read_marks(folder: Path) -> Iterator[Mark]:
    """The marks of a folder; a line that is none, as of a full disk, is passed over."""
    try:
        text = (folder / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            yield Mark.model_validate_json(line)
        except ValidationError:
            continue
