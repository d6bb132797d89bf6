"""Which measurements run on this machine, told by locked files that no crash can leave behind.

A measurement holds the lock of a file of its own for as long as its test runs. Two at once disturb
each other, but that is for who starts them to say; what is not a measurement gives way to them.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loadscope.paths import cache_root
from loadscope.rundir.progress import read_progress

_FOLDER = "measuring"


@dataclass(frozen=True)
class Measurement:
    """A test that runs.

    Attributes:
        run_dir: Its run directory.
        pid: Of the process that watches it.
    """

    run_dir: Path
    pid: int

    @property
    def until(self) -> datetime | None:
        """When it will be over, as far as LoadGen's clock tells; None where nothing is known."""
        now = read_progress(self.run_dir)
        if now is None or now.left_s is None:
            return None
        return datetime.now(UTC) + timedelta(seconds=now.left_s)


@contextlib.contextmanager
def measuring(run_dir: Path) -> Iterator[None]:
    """Say for as long as the block lasts that a test of this run directory runs."""
    folder = cache_root() / _FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{os.getpid()}-{run_dir.name}.json"
        file = path.open("w", encoding="utf-8")
    except OSError:
        # A cache that cannot be written must not keep a test from running.
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"run_dir": str(run_dir.resolve()), "pid": os.getpid()}, file)
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def measurements() -> list[Measurement]:
    """The tests that run on this machine now; what crashed ones left is removed."""
    found = []
    for path in sorted((cache_root() / _FOLDER).glob("*.json")):
        with (
            contextlib.suppress(OSError, ValueError, KeyError),
            path.open(encoding="utf-8") as file,
        ):
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                told = json.load(file)
                found.append(Measurement(Path(told["run_dir"]), int(told["pid"])))
            else:
                path.unlink(missing_ok=True)
    return found
