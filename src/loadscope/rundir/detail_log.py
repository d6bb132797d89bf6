"""Read LoadGen's detail log: the settings that were in force and what came out."""

import functools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadscope.errors import WorkError

_MARK = ":::MLLOG"
_LARGEST = 1e30
"""Far above what LoadGen can log, and far enough below what arithmetic with floats can hold."""
_LONGEST = 64 << 20
"""Bytes; the longest line of a log lists the loaded samples, at most a few hundred thousand."""

_TICK_NS = 1_000_000_000


class MalformedLogError(ValueError):
    """What is wrong with a log's form, with the line: ``line 3 is not UTF-8 text``."""


@dataclass(frozen=True)
class LogLine:
    """One entry of a detail log.

    Attributes:
        key: What it is about.
        value: An empty one stands for any list or object: those of samples and of sources are
            long, and nobody asks what is in them.
        error: Whether LoadGen calls it an error.
        warning: Whether it calls it a warning.
    """

    key: str
    value: Any
    error: bool
    warning: bool


@dataclass(frozen=True)
class DetailLog:
    """A parsed ``mlperf_log_detail.txt``.

    Attributes:
        values: The value of every key.
        errors: LoadGen's error messages, in order.
        warnings: Its warnings.
    """

    values: dict[str, Any] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def number(self, key: str) -> float | None:
        """A number that LoadGen can have logged, or None for anything else."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return value if abs(value) < _LARGEST else None


def read_detail_log(path: Path) -> DetailLog:
    """Read the log of a run of ours: of a key that comes again, the last value.

    Raises:
        WorkError: Missing, or a line is not LoadGen's (a truncated log, for instance).
    """
    try:
        about = path.stat()
        stamp = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
        # A file that was written just now may be again within one tick of the file system's clock.
        settled = time.time_ns() - about.st_mtime_ns > _TICK_NS
        return _parsed(path, stamp) if settled else _parsed.__wrapped__(path, stamp)
    except OSError as error:
        raise WorkError(f"{path}: {error.strerror}", "repeat the run") from error
    except MalformedLogError as error:
        raise WorkError(f"{path}: {error}", "repeat the run") from error


@functools.lru_cache(maxsize=2)
def _parsed(path: Path, stamp: tuple[int, ...]) -> DetailLog:
    """Parse a log that is as the stamp says: who looks at a run asks for it several times."""
    values: dict[str, Any] = {}
    errors: list[str] = []
    warnings: list[str] = []
    for line in log_lines(path):
        values[line.key] = line.value
        if line.error:
            errors.append(f"{line.key}: {line.value}")
        elif line.warning:
            warnings.append(f"{line.key}: {line.value}")
    return DetailLog(values, tuple(errors), tuple(warnings))


def log_lines(path: Path) -> Iterator[LogLine]:
    """The entries of a log, one after the other, whoever wrote it.

    Raises:
        OSError: It cannot be read.
        MalformedLogError: A line is not a whole entry of LoadGen's, or there is none.
    """
    number = 0
    with path.open("rb") as lines:
        while line := lines.readline(_LONGEST):
            number += 1
            yield _line(line, number)
    if not number:
        raise MalformedLogError("empty")


def _line(line: bytes, number: int) -> LogLine:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedLogError(f"line {number} is not UTF-8 text") from error
    if "\r" in text.removesuffix("\n").removesuffix("\r"):
        raise MalformedLogError(f"line {number} has a carriage return inside, which ends a line")
    if not text.startswith(_MARK):
        raise MalformedLogError(f"line {number} does not begin with {_MARK}")
    try:
        entry = json.loads(text[len(_MARK) :])
        key, value, about = entry["key"], entry["value"], entry["metadata"]
        wrong, doubtful = about["is_error"], about.get("is_warning")
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise MalformedLogError(f"line {number} is not a whole LoadGen entry") from error
    if not isinstance(key, str):
        raise MalformedLogError(f"line {number} has a key that is no text")
    if isinstance(value, (list, dict)):
        value = type(value)()
    return LogLine(key, value, bool(wrong), bool(doubtful))
