"""Read LoadGen's detail log: the settings that were in force and what came out."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.errors import WorkError

_PREFIX = ":::MLLOG "
# Entries of unbounded size that hold nothing a reader of results needs.
_BULKY = ('{"key": "loaded_qsl_set"', '{"key": "loadgen_file_sha1"')


@dataclass(frozen=True)
class DetailLog:
    """A parsed ``mlperf_log_detail.txt``.

    Attributes:
        values: The last value of every key.
        errors: LoadGen's error messages, in order.
        warnings: Its warnings.
    """

    values: dict[str, Any]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]

    def number(self, key: str) -> float | None:
        """A finite number, or None where LoadGen did not log one."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None


def read_detail_log(path: Path) -> DetailLog:
    """Read a detail log line by line.

    Raises:
        WorkError: Missing, or a line is not LoadGen's (a truncated log, for instance).
    """
    values: dict[str, Any] = {}
    errors: list[str] = []
    warnings: list[str] = []
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                entry = _entry(line, f"{path}:{number}")
                if entry is None:
                    continue
                key, value = entry["key"], entry["value"]
                values[key] = value
                if entry["metadata"].get("is_error"):
                    errors.append(f"{key}: {value}")
                elif entry["metadata"].get("is_warning"):
                    warnings.append(f"{key}: {value}")
    except OSError as error:
        raise WorkError(f"{path}: {error.strerror}", "repeat the run") from error
    except UnicodeDecodeError as error:
        raise WorkError(f"{path}: not UTF-8 text", "repeat the run") from error
    return DetailLog(values, tuple(errors), tuple(warnings))


def _entry(line: str, where: str) -> dict[str, Any] | None:
    if not line.startswith(_PREFIX):
        raise WorkError(f"{where}: not a LoadGen log line", "repeat the run")
    body = line[len(_PREFIX) :]
    if body.startswith(_BULKY):
        return None
    try:
        entry: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WorkError(f"{where}: the log entry is cut off", "repeat the run") from error
    if not isinstance(entry, dict) or not isinstance(entry.get("metadata"), dict):
        raise WorkError(f"{where}: not a LoadGen log entry", "repeat the run")
    if not isinstance(entry.get("key"), str) or "value" not in entry:
        raise WorkError(f"{where}: a LoadGen log entry without key or value", "repeat the run")
    return entry
