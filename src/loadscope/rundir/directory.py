"""The run directory: the only contract between stages, plain files throughout.

``run.json`` is written when the run begins and whenever a test changes state; a test's logs
are written under ``<mode>/run_1.partial`` and take their final name when the test is over.
A killed run therefore shows a state that is not ``finished`` and logs that are not in place.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from loadscope.errors import InputError
from loadscope.files import write_json
from loadscope.names import Mode

FORMAT = 1
_LOCK = ".lock"


@dataclass(frozen=True)
class RunDirectory:
    """Paths and records of one run."""

    path: Path

    def claim(self, record: dict[str, Any]) -> None:
        """Make this the directory of a new run; hold the lock while calling.

        Raises:
            InputError: Something is there already.
        """
        self.require_empty()
        self.write({"format": FORMAT, **record})

    def require_empty(self) -> None:
        """Check that nothing is in the folder, or that it does not exist.

        Raises:
            InputError: Something is there.
        """
        if self.path.exists() and any(item.name != _LOCK for item in self.path.iterdir()):
            raise InputError(
                f"{self.path} already exists and is not empty",
                "choose another --output, or continue an unfinished run with --resume",
            )

    @classmethod
    def open(cls, path: Path) -> "RunDirectory":
        """Take up an existing run directory.

        Raises:
            InputError: It is none, or another version of LoadScope wrote it.
        """
        run = cls(path)
        record = run.read()
        if record.get("format") != FORMAT:
            raise InputError(
                f"{path / 'run.json'}: format {record.get('format')!r}, this version reads "
                f"{FORMAT}",
                "use the version of LoadScope that wrote it",
            )
        return run

    def read(self) -> dict[str, Any]:
        """The record in ``run.json``."""
        return _read_json(self.path / "run.json", "it is no run directory")

    def write(self, record: dict[str, Any]) -> None:
        """Replace ``run.json``."""
        write_json(self.path / "run.json", record)

    def set_state(self, mode: Mode, **state: Any) -> None:
        """Record where a test stands, beside what is known of it already."""
        record = self.read()
        record.setdefault("state", {}).setdefault(str(mode), {}).update(state)
        self.write(record)

    def status(self, mode: Mode) -> str:
        """``finished``, ``failed``, ``interrupted``, ``running`` or ``planned``.

        A test that says ``running`` while no process holds the lock was killed.
        """
        status: str = self.read().get("state", {}).get(str(mode), {}).get("status", "planned")
        return status

    def logs(self, mode: Mode, number: int | None = None) -> Path:
        """Where the finished logs of a test are.

        Args:
            mode: Which test.
            number: Which repeat of the performance test, from 1; if None the one that stands
                for the run, the median.
        """
        if mode is not Mode.PERFORMANCE:
            return self.path / mode
        if number is None:
            state = self.read().get("state", {}).get(str(mode), {})
            number = state.get("median_run", 1)
        return self.path / "performance" / f"run_{number}"

    def partial(self, mode: Mode, number: int = 1) -> Path:
        """Where a test's logs are written while it runs."""
        final = self.logs(mode, number)
        return final.with_name(f"{final.name}.partial")

    def begin(self, mode: Mode, number: int = 1) -> Path:
        """An empty folder for a test's logs; what an unfinished attempt left is removed."""
        folder = self.partial(mode, number)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def finish(self, mode: Mode, number: int = 1) -> None:
        """Give the logs their final name; those of a compliance test that failed make way."""
        shutil.rmtree(self.logs(mode, number), ignore_errors=True)
        self.partial(mode, number).replace(self.logs(mode, number))

    def result(self) -> dict[str, Any] | None:
        """The record in ``result.json``, or None before any test is finished."""
        path = self.path / "result.json"
        return _read_json(path, "it cannot be read") if path.exists() else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from running in this directory, which is made if need be.

        Raises:
            InputError: Another process is running in it, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror}", "choose another --output") from error
        lock = FileLock(self.path / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"{self.path}: another process is running in it",
                "wait for it or use another folder",
            ) from None
        try:
            yield
        finally:
            lock.release()


def _read_json(path: Path, otherwise: str) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{path.parent}: {otherwise}, there is no {path.name}", "name a folder that holds one"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: unreadable ({error})", "repeat the run") from error
    if not isinstance(record, dict):
        raise InputError(f"{path}: not a JSON object", "repeat the run")
    return record
