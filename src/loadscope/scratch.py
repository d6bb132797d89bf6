"""Folders for the time of a process, which nothing leaves behind for good.

A process removes its own when it is done with them. One that is killed cannot: each folder has a
file that its owner keeps locked, and whoever makes the next folder of that kind removes those whose
lock nobody holds any more.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_OWNER = ".owner"
_held: dict[Path, int] = {}


def make_scratch(kind: str) -> Path:
    """Make a folder of this process in the system's folder for temporary files.

    Args:
        kind: What it is for, a word of its name.

    Raises:
        OSError: The disk refuses.
    """
    remove_orphans(kind)
    # Under its name it is seen by others, who must find it locked.
    made = Path(tempfile.mkdtemp(prefix=".loadscope-"))
    descriptor = os.open(made / _OWNER, os.O_RDWR | os.O_CREAT, 0o600)
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    folder = made.with_name(f"{_prefix(kind)}{made.name.removeprefix('.loadscope-')}")
    made.rename(folder)
    _held[folder] = descriptor
    return folder


def remove_scratch(folder: Path) -> None:
    """Remove a folder of ``make_scratch`` with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    descriptor = _held.pop(folder, None)
    if descriptor is not None:
        os.close(descriptor)


@contextlib.contextmanager
def scratch(kind: str) -> Iterator[Path]:
    """A folder for as long as the block lasts; see ``make_scratch``."""
    folder = make_scratch(kind)
    try:
        yield folder
    finally:
        remove_scratch(folder)


def remove_orphans(kind: str) -> None:
    """Remove the folders of a kind whose owner has ended without doing so."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix(kind)}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(folder / _OWNER, os.O_RDWR)
            try:
                # Another user's cannot be opened, and a living owner's cannot be locked.
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def _prefix(kind: str) -> str:
    return f"loadscope-{kind}-"
