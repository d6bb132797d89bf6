"""Errors of a full disk, told with the figures that matter."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadscope.errors import WorkError

_FIX = "free space, or set LOADSCOPE_CACHE to a folder on a larger disk, and run again"


def require_space(folder: Path, needed: int) -> None:
    """Check that a folder's file system has room for ``needed`` bytes.

    Raises:
        WorkError: It has not.
    """
    if needed > _free(folder):
        raise WorkError(f"no space in {folder}: {_figures(folder, needed)}", _FIX)


@contextmanager
def writing(path: Path, needed: int) -> Iterator[None]:
    """Turn a refused write into an error that tells needed and free bytes.

    Args:
        path: The file being written.
        needed: How many bytes the whole of the work takes.

    Raises:
        WorkError: The block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise WorkError(
            f"cannot write {path}: {reason} ({_figures(path, needed)})", _FIX
        ) from error


def readable(count: int) -> str:
    """A number of bytes for people: ``3.0 MB``."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _figures(path: Path, needed: int) -> str:
    return f"{readable(needed)} needed, {readable(_free(path))} free"


def _free(path: Path) -> int:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
