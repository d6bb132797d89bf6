"""What lies in a folder: run directories, and whether they have changed since they were read."""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from loadscope.rundir.directory import RUN_FILE
from loadscope.suite.results.marks import FILE as MARKS

_LOCK, _PROGRESS, _TRACE = ".lock", "progress.json", "trace"
_ALIVE_SECONDS = 60.0


def run_folders(root: Path) -> Iterator[Path]:
    """Every run directory below a folder, in the order of their names.

    Hidden folders are passed over, and links to folders are not followed: no run is found twice.
    What cannot be read holds none.
    """
    if (root / RUN_FILE).is_file():
        yield root
        return
    try:
        with os.scandir(root) as entries:
            below = sorted(
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            )
    except OSError:
        return
    for name in below:
        yield from run_folders(root / name)


def stamp_of(run: Path) -> str:
    """Size and time of everything in a run directory: as long as it is the same, so is the run.

    Raises:
        OSError: It cannot be read, or is being taken away.
    """
    told = hashlib.sha256()
    for name, entry in sorted(_files(run, "")):
        about = entry.stat(follow_symlinks=False)
        told.update(f"{name}\0{about.st_size}\0{about.st_mtime_ns}\n".encode(errors="replace"))
    return told.hexdigest()[:32]


def sha256_of(run: Path) -> str:
    """The digest of what is read of a run directory; traces are not.

    Raises:
        OSError: It cannot be read.
    """
    told = hashlib.sha256()
    for name, entry in sorted(_files(run, "")):
        if not name.startswith(f"{_TRACE}/"):
            with Path(entry.path).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            told.update(f"{digest}  {name}\n".encode(errors="replace"))
    return told.hexdigest()


def is_being_written(run: Path) -> bool:
    """Whether another process is at work in a run directory.

    It holds the lock, or on another machine that shares the folder it keeps ``progress.json``.
    """
    try:
        state = json.loads((run / RUN_FILE).read_bytes()).get("state") or {}
        states = {one.get("status") for one in state.values()}
    except (OSError, ValueError, AttributeError, RecursionError):
        return False
    if states <= {"finished"}:
        return False
    try:
        if time.time() - (run / _PROGRESS).stat().st_mtime < _ALIVE_SECONDS:
            return True
    except OSError:
        pass
    return _is_locked(run / _LOCK)


def _is_locked(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _files(folder: Path, above: str) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in (_PROGRESS, MARKS):
                continue
            name = above + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path), f"{name}/")
            elif entry.is_file(follow_symlinks=False):
                yield name, entry
