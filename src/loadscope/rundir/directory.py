"""The run directory: the only contract between stages, plain files throughout.

``run.json`` is written when the run begins and whenever a test changes state; a test's logs
are written under ``<mode>/run_1.partial`` and take their final name when the test is over.
A killed run therefore shows a state that is not ``finished`` and logs that are not in place.
"""

import copy
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from loadscope.errors import InputError
from loadscope.files import write_json, write_text
from loadscope.names import Mode
from loadscope.rundir.format1 import upgraded_plan, upgraded_result, upgraded_run
from loadscope.rundir.record import RunRecord
from loadscope.rundir.result import ResultRecord

RUN_FILE = "run.json"
RESULT_FILE = "result.json"
PLAN_FILE = "plan.json"
_LOCK = ".lock"
_OLDEST, _NEWEST = 1, 2


@dataclass(frozen=True)
class RunDirectory:
    """Paths and records of one run."""

    path: Path

    def claim(self, record: RunRecord, plan: str) -> None:
        """Make this the directory of a new run; hold the lock while calling.

        Args:
            record: The run.
            plan: The content of ``plan.json``.

        Raises:
            InputError: Something is there already.
        """
        self.require_empty()
        self.write_plan(plan)
        self.write(record)

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
        run.read()
        return run

    def read(self) -> RunRecord:
        """The record in ``run.json``, of whichever format.

        Raises:
            InputError: There is none, it cannot be read, or a key is missing or wrong.
        """
        path = self.path / RUN_FILE
        if not path.is_file():
            raise InputError(
                f"{self.path} is not a run directory: it has no {RUN_FILE}",
                "give the folder that loadscope run wrote",
            )
        value = _read_json(path)
        if value.get("format") == _OLDEST:
            return _checked(path, RunRecord, _upgraded(path, value), lenient=True)
        return _checked(path, RunRecord, value)

    def write(self, record: RunRecord) -> None:
        """Replace ``run.json``."""
        write_json(self.path / RUN_FILE, record.model_dump(mode="json"))

    def plan_json(self) -> str:
        """What only this machine can use of the run: the content of ``plan.json``.

        Raises:
            InputError: There is none: the run was brought here from another machine.
        """
        path = self.path / PLAN_FILE
        if path.is_file():
            return path.read_text(encoding="utf-8")
        old = _read_json(self.path / RUN_FILE)
        plan = upgraded_plan(old) if old.get("format") == _OLDEST else None
        if plan is None:
            raise InputError(
                f"{path} not found: the run was made on another machine",
                "measure on this one with --from",
            )
        return json.dumps(plan)

    def write_plan(self, plan: str) -> None:
        """Replace ``plan.json``."""
        write_text(self.path / PLAN_FILE, plan)

    def set_state(self, mode: Mode, **state: Any) -> None:
        """Record where a test stands, beside what is known of it already."""
        self.write(self.read().having(mode, state))

    def status(self, mode: Mode) -> str:
        """``finished``, ``failed``, ``interrupted``, ``running`` or ``planned``.

        A test that says ``running`` while no process holds the lock was killed.
        """
        return self.read().of(mode).status

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
            number = self.read().of(mode).median_run or 1
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

    def result(self) -> ResultRecord | None:
        """The record in ``result.json``, or None before any test is finished.

        Raises:
            InputError: It cannot be read, or a key is missing or wrong.
        """
        path = self.path / RESULT_FILE
        if not path.exists():
            return None
        value, run = _read_json(path), _read_json(self.path / RUN_FILE)
        if run.get("format") == _OLDEST and "uid" not in value:
            uid = str(self.read().uid)
            return _checked(path, ResultRecord, upgraded_result(value, uid), lenient=True)
        return _checked(path, ResultRecord, value)

    def write_result(self, result: ResultRecord) -> None:
        """Replace ``result.json``."""
        write_json(self.path / RESULT_FILE, result.model_dump(mode="json"))

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


_Record = TypeVar("_Record", bound=BaseModel)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}", "check the folder and its permissions"
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}", "repeat the run") from error
    if not isinstance(record, dict):
        raise InputError(f"{path} is not a JSON object", "repeat the run")
    return record


def _upgraded(path: Path, old: dict[str, Any]) -> dict[str, Any]:
    try:
        return upgraded_run(old)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not a run of format {_OLDEST}: {error}", "repeat the run"
        ) from error


def _checked(
    path: Path, kind: type[_Record], value: dict[str, Any], lenient: bool = False
) -> _Record:
    """Hold the content of a file to its model.

    Args:
        path: The file, for errors.
        kind: The model.
        value: The content.
        lenient: Whether unknown keys are passed over, as of older formats.
    """
    try:
        return kind.model_validate(_pruned(kind, value) if lenient else value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole file"
        if key == "format":
            raise InputError(
                f"{path}: format {value.get('format')!r}, this version reads {_OLDEST} and "
                f"{_NEWEST}",
                "use the version of LoadScope that wrote it",
            ) from error
        raise InputError(
            f"{path}: {key}: {first['msg']}",
            "repeat the run, or use the version of LoadScope that wrote it",
        ) from error


def _pruned(kind: type[BaseModel], value: dict[str, Any]) -> dict[str, Any]:
    """The content without what ``kind`` does not know."""
    value = copy.deepcopy(value)
    try:
        kind.model_validate(value)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            if one["type"] == "extra_forbidden":
                part: Any = value
                for key in one["loc"][:-1]:
                    part = part[key]
                part.pop(one["loc"][-1], None)
    return value
