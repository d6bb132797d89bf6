"""Which files of the cache running processes rely on, so that nobody removes those.

A process that relies on a file or folder holds a shared lock on ``.NAME.use`` beside it until it
ends, however it ends; whoever wants to remove it needs the exclusive one.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

_held: dict[Path, int] = {}


def use_file(path: Path) -> Path:
    """The file that carries the lock; its time is that of the last use."""
    return path.with_name(f".{path.name}.use")


def keep(path: Path) -> None:
    """Hold a file or folder of the cache against removal until this process ends.

    Call it before looking whether the thing is there: what is there then stays. Waits while
    another process is taking it away. In a folder that is only to be read from, and on a file
    system without locks, nothing is held.
    """
    marker = use_file(path)
    with contextlib.suppress(OSError):
        marker.parent.mkdir(parents=True, exist_ok=True)
        if marker not in _held or not _is(marker, _held[marker]):
            _held[marker] = _locked(marker)
        os.utime(marker)


def last_use(path: Path) -> float | None:
    """When a process last began to rely on it, seconds since the epoch; None if it is not known."""
    try:
        return use_file(path).stat().st_mtime
    except OSError:
        return None


@contextlib.contextmanager
def alone(markers: Sequence[Path]) -> Iterator[bool]:
    """Try to hold lock files exclusively; those that are not there are made.

    Args:
        markers: Use files, and locks of what is being made.

    Yields:
        Whether all are held: no process has or gets one of them before the block ends.
    """
    with contextlib.ExitStack() as stack:
        try:
            for marker in markers:
                descriptor = os.open(marker, os.O_RDONLY | os.O_CREAT, 0o666)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        except OSError:
            held = False
        yield held


def _locked(marker: Path) -> int:
    while True:
        descriptor = os.open(marker, os.O_RDONLY | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        except OSError:
            os.close(descriptor)
            raise
        # A process that has just removed the thing has removed its lock file with it.
        if _is(marker, descriptor):
            return descriptor
        os.close(descriptor)


def _is(marker: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(marker.stat(), os.fstat(descriptor))
    except OSError:
        return False
