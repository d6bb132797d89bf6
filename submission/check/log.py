"""LoadGen's detail log as the round's checker reads it: strictly, first value first."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from loadscope.submission.check.rule import show

_MARK = ":::MLLOG"
_TIME = "%m-%d-%Y %H:%M:%S.%f"
_LARGEST = 1e30
"""Far above what LoadGen can log, and far enough below what arithmetic with floats can hold."""
_LONGEST = 64 << 20
"""Bytes; the longest line of a log lists the loaded samples, at most a few hundred thousand."""


@dataclass(frozen=True)
class Log:
    """A detail log.

    Attributes:
        values: The first value of every key; an empty one stands for any list or object.
        errors: LoadGen's error messages.
        wrong: What is wrong with the file's form; nothing of it is then kept.
        repeated: Keys that come again with another value.
    """

    values: dict[str, Any] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    wrong: str = ""
    repeated: tuple[str, ...] = ()

    def number(self, key: str) -> float | None:
        """A number that LoadGen can have logged, or None for anything else."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return value if abs(value) < _LARGEST else None

    def seconds(self) -> float | None:
        """How long the test lasted by LoadGen's clock, seconds; None where it is not told."""
        begin, end = self.values.get("power_begin"), self.values.get("power_end")
        if not isinstance(begin, str) or not isinstance(end, str):
            return None
        try:
            return (datetime.strptime(end, _TIME) - datetime.strptime(begin, _TIME)).total_seconds()
        except ValueError:
            return None


def read_log(path: Path) -> Log:
    """Read a detail log line by line. What is wrong with it is told, never raised."""
    values: dict[str, Any] = {}
    errors: list[str] = []
    repeated: dict[str, None] = {}
    wrong = ""
    try:
        with path.open("rb") as lines:
            number = 0
            while line := lines.readline(_LONGEST):
                number += 1
                wrong = _take(line, number, values, errors, repeated)
                if wrong:
                    break
            if not number:
                wrong = "empty"
    except OSError as error:
        wrong = f"unreadable: {error.strerror}"
    if wrong:
        return Log(wrong=wrong)
    return Log(values, tuple(errors), repeated=tuple(repeated))


def _take(
    line: bytes,
    number: int,
    values: dict[str, Any],
    errors: list[str],
    repeated: dict[str, None],
) -> str:
    """Take one line; returns what is wrong with it."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return f"line {number} is not UTF-8 text"
    if "\r" in text.removesuffix("\n").removesuffix("\r"):
        return f"line {number} has a carriage return inside, which ends a line"
    if not text.startswith(_MARK):
        return f"line {number} does not begin with {_MARK}"
    try:
        entry = json.loads(text[len(_MARK) :])
        key, value, error = entry["key"], entry["value"], entry["metadata"]["is_error"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return f"line {number} is not a whole LoadGen entry"
    if not isinstance(key, str):
        return f"line {number} has a key that is no text"
    if error:
        errors.append(f"{key}: {show(value)}")
    # Lists of samples and of sources are long, and no rule asks what is in them.
    if isinstance(value, (list, dict)):
        value = type(value)()
    if key in values:
        if values[key] != value and key.startswith(("effective_", "result_", "early_stopping")):
            repeated[key] = None
    else:
        values[key] = value
    return ""
