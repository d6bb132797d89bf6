"""LoadGen's detail log as the round's checker reads it: first value first."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from loadscope.rundir.detail_log import DetailLog, MalformedLogError, log_lines
from loadscope.submission.check.rule import show

_TIME = "%m-%d-%Y %H:%M:%S.%f"


@dataclass(frozen=True)
class Log(DetailLog):
    """A detail log of anyone's; its values are the first of every key.

    Attributes:
        wrong: What is wrong with the file's form; nothing of it is then kept.
        repeated: Keys that come again with another value.
    """

    wrong: str = ""
    repeated: tuple[str, ...] = ()

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
    try:
        for line in log_lines(path):
            if line.error:
                errors.append(f"{line.key}: {show(line.value)}")
            if values.setdefault(line.key, line.value) != line.value and line.key.startswith(
                ("effective_", "result_", "early_stopping")
            ):
                repeated[line.key] = None
    except OSError as error:
        return Log(wrong=f"unreadable: {error.strerror}")
    except MalformedLogError as error:
        return Log(wrong=str(error))
    return Log(values, tuple(errors), repeated=tuple(repeated))
