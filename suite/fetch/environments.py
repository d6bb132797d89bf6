"""Environments of frameworks that need a Python of their own: made, listed, removed."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.files import write_json
from loadscope.in_use import alone, use_file
from loadscope.suite.fetch.store import locked
from loadscope.sut.info import BackendInfo, named
from loadscope.sut.interpreter.declared import Interpreter
from loadscope.sut.interpreter.find import (
    RECORD,
    Python,
    ask,
    candidates,
    clean_environment,
    environment_folder,
    identity,
    missing,
    requirements,
    variable,
)
from loadscope.sut.interpreter.process import Worker
from loadscope.sut.registry import readable

_LAST_CHARACTERS = 300


@dataclass(frozen=True)
class Environment:
    """A framework that has a Python of its own.

    Attributes:
        name: The backend's name.
        title: Its title.
        wanted: The versions of Python that it takes.
        folder: Where its environment is or would be.
        state: ``ready``, ``missing``, or ``wrong``.
        python: The Python that is used; empty without one.
        version: The framework's version; empty where it is not known.
        identity: The sha256 of the pinned packages.
        detail: What is wrong, empty where nothing is.
        fix: What mends it.
    """

    name: str
    title: str
    wanted: str
    folder: str
    state: str
    python: str
    version: str
    identity: str
    detail: str
    fix: str


def with_interpreter() -> Iterator[tuple[BackendInfo, Interpreter]]:
    """The backends that need a Python of their own."""
    for info in readable():
        if info.interpreter is not None:
            yield info, info.interpreter


def environments() -> list[Environment]:
    """Those that users are offered or have made, and whether each can be used."""
    return [
        _state(info, interpreter)
        for info, interpreter in with_interpreter()
        if info.answers or environment_folder(info.name).is_dir()
    ]


def _state(info: BackendInfo, interpreter: Interpreter) -> Environment:
    folder = environment_folder(info.name)
    state, python, detail, fix = "ready", "", "", ""
    try:
        info.require_installed()
        found = info.python()
        python = f"{found.path} ({found.text()})" if found else ""
    except InputError as error:
        state = "wrong" if folder.is_dir() else "missing"
        detail, fix = error.message, error.fix
    return Environment(
        info.name,
        info.title,
        interpreter.versions(),
        str(folder),
        state,
        python,
        info.version() or "",
        identity(interpreter),
        detail,
        fix,
    )


def create_environment(
    info: BackendInfo, interpreter: Interpreter, chosen: Path | None, progress: Progress
) -> bool:
    """Make the environment of a backend, unless it is there and in order.

    pip brings the packages with the user's own configuration (index, proxy, certificates).

    Args:
        info: The backend.
        interpreter: What it needs.
        chosen: The Python to use; None to look for one.
        progress: Told of the work.

    Returns:
        Whether it was made.

    Raises:
        InputError: There is no fitting Python, or pip cannot bring a package.
        WorkError: The framework does not work in it, or the file system refuses.
    """
    python = _chosen(info, interpreter, chosen)
    folder = environment_folder(info.name)
    with locked(folder, progress):
        if _is_made(folder, interpreter, None if chosen is None else python):
            return False
        part = folder.with_name(f".{folder.name}.part")
        try:
            shutil.rmtree(part, ignore_errors=True)
            _make(info, interpreter, python, part, progress)
            if folder.is_dir():
                _remove(info, folder)
            part.rename(folder)
        except OSError as error:
            raise WorkError(
                f"cannot write {error.filename or folder}: {error.strerror or error}",
                "free space or move the cache with LOADSCOPE_CACHE",
            ) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
        _try(info, folder, progress)
    return True


def remove_environment(info: BackendInfo) -> None:
    """Remove the environment of a backend.

    Raises:
        InputError: There is none.
        WorkError: A process uses it, or the file system refuses.
    """
    folder = environment_folder(info.name)
    if not folder.is_dir():
        raise InputError(f"{info.title} has no environment at {folder}", "see: loadscope env list")
    _remove(info, folder)


def _chosen(info: BackendInfo, interpreter: Interpreter, chosen: Path | None) -> Python:
    if chosen is None:
        found = next(candidates(interpreter), None)
        if found is None:
            raise InputError(
                f"{info.title} needs Python {interpreter.versions()}, which is not on this machine",
                missing(info.name, interpreter),
            )
        return found
    python = ask(chosen, "--python")
    if not interpreter.takes(python.minor):
        raise InputError(
            f"--python {chosen} is Python {python.text()}; {info.title} needs Python "
            f"{interpreter.versions()}",
            missing(info.name, interpreter),
        )
    return python


def _is_made(folder: Path, interpreter: Interpreter, python: Python | None) -> bool:
    """Whether an environment is there, of these packages and, if one is given, of this Python."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        runs = ask(folder / "bin" / "python", str(folder))
    except (OSError, ValueError, InputError):
        return False
    same = python is None or runs.version == python.version
    return bool(record.get("identity") == identity(interpreter)) and same


def _make(
    info: BackendInfo, interpreter: Interpreter, python: Python, part: Path, progress: Progress
) -> None:
    text = requirements(interpreter)
    part.parent.mkdir(parents=True, exist_ok=True)
    bare = [] if text else ["--without-pip"]
    stage = f"make an environment of Python {python.text()} for {info.title}"
    progress(stage, 0, 0)
    # A link to the Python that is named, not a copy: a copy does not find its libraries.
    _run([str(python.path), "-m", "venv", "--symlinks", *bare, str(part)], python)
    progress(stage, 1, 1)
    if text:
        _install(info, text, part, progress)
    if interpreter.prepare:
        named(interpreter.prepare)(part)
    record = {
        "backend": info.name,
        "identity": identity(interpreter),
        "python": python.text(),
        "base": str(python.path),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_json(part / RECORD, record)


def _run(command: list[str], python: Python) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        env=clean_environment(),
    )
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[-_LAST_CHARACTERS:]
        raise InputError(
            f"{python.path} cannot make an environment: {said or 'it said nothing'}",
            "install its venv module (Debian: pythonX.Y-venv), or name another with --python",
        )


def _install(info: BackendInfo, text: str, part: Path, progress: Progress) -> None:
    """Have pip install every pinned package, and nothing that they ask for beside."""
    wanted = part / "requirements.txt"
    wanted.write_text(text, encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    stage = f"install the {len(lines)} packages of {info.title}"
    command = [
        str(part / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check",
        "--no-input", "--no-deps", "--only-binary", ":all:", "--requirement", str(wanted),
    ]  # fmt: skip
    done = 0
    progress(stage, done, len(lines))
    last = ""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        env=clean_environment(),
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Collecting ") and done < len(lines) - 1:
                done += 1
                progress(stage, done, len(lines))
            elif line.startswith("ERROR:") or not last.startswith("ERROR:"):
                last = line.strip() or last
    progress(stage, len(lines), len(lines))
    if process.returncode:
        raise InputError(
            f"pip cannot bring the packages of {info.title}: "
            f"{last.removeprefix('ERROR:').strip()[:_LAST_CHARACTERS]}",
            "give pip a way to them (index, proxy), or install them in a Python of your own and "
            f"name it: {variable(info.name)}=PATH",
        )


def _try(info: BackendInfo, folder: Path, progress: Progress) -> None:
    """Have the program imported; an environment in which it cannot be is removed again."""
    stage = f"import {info.title}"
    progress(stage, 0, 0)
    try:
        Worker(info, folder / "bin" / "python", subprocess.DEVNULL).close()
    except LoadScopeError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise WorkError(
            f"{info.title} does not work in its new environment: {error.message}",
            f"use a Python of your own that has it: {variable(info.name)}=PATH",
        ) from error
    progress(stage, 1, 1)


def _remove(info: BackendInfo, folder: Path) -> None:
    trash = folder.with_name(f".{folder.name}.removed")
    with alone([use_file(folder)]) as free:
        if not free:
            raise WorkError(
                f"not removed: {folder}", f"a running process uses {info.title}; wait for its end"
            )
        try:
            shutil.rmtree(trash, ignore_errors=True)
            folder.rename(trash)
            use_file(folder).unlink(missing_ok=True)
            shutil.rmtree(trash)
        except OSError as error:
            raise WorkError(
                f"cannot remove {error.filename or folder}: {error.strerror or error}",
                "check its permissions",
            ) from error
