"""Commands on the two machines: this one, and the emulated one in its root."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.datasets.task import Progress
from loadscope.errors import WorkError
from loadscope.tools.arch.root import Root

LANE = Path("/lane")
"""The checks' folder, as the emulated machine sees it."""

_FINDINGS = (0, 1)
_SHOWN = 200


@dataclass(frozen=True)
class Done:
    """How a command ended.

    Attributes:
        status: Its exit status.
        output: What it said on standard output.
        errors: What it said on standard error.
        seconds: How long it took.
    """

    status: int
    output: str
    errors: str
    seconds: float

    def json(self) -> dict[str, Any] | None:
        """The object that it printed; None where it failed before it could."""
        if self.status not in _FINDINGS or not self.output:
            return None
        found: dict[str, Any] = json.loads(self.output)
        return found

    def failure(self) -> str:
        """Status and last words."""
        return f"status {self.status}: {self.errors.strip()[-_SHOWN:]}"


class Inside:
    """The emulated machine.

    Args:
        root: The root.
        work: Takes the logs.
        progress: Told of each command.
    """

    def __init__(self, root: Root, work: Path, progress: Progress) -> None:
        self._root, self._work, self._progress = root, work, progress
        self.architecture = root.architecture
        self.folder = root.path / LANE.relative_to("/")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()

    def python(self, name: str, arguments: Sequence[str], seconds: float) -> Done:
        """Run the root's Python with the suite on its path; its logs are called ``name``."""
        self._progress(f"{self.architecture.debian}: {name}", 0, 0)
        log = self._work / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.log"
        started = time.monotonic()
        status = self._root.run(
            arguments,
            log,
            seconds,
            LOADSCOPE_CACHE=str(LANE / "cache"),
            PYTHONPATH=f"{LANE}/site:{LANE}/repo/src:{LANE}/repo",
        )
        taken = time.monotonic() - started
        said, errors = (
            path.read_text(encoding="utf-8", errors="replace")
            for path in (log, log.with_suffix(".log.err"))
        )
        return Done(status, said, errors, taken)

    def loadscope(self, name: str, arguments: Sequence[str], seconds: float) -> Done:
        """Run a command of the suite there."""
        return self.python(name, ["-P", "-m", "loadscope", *arguments], seconds)


def loadscope_here(arguments: Sequence[str]) -> Done:
    """Run a command of the suite on this machine."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "loadscope", *arguments], capture_output=True, text=True
    )
    return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def require(done: Done, what: str) -> Done:
    """Check that a command ended well.

    Raises:
        WorkError: It did not.
    """
    if done.status:
        raise WorkError(f"{what}: {done.errors.strip()}")
    return done
