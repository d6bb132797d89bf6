"""Accuracy logs in a submission: their hash, their two ends, and the whole beside the tree."""

import hashlib
import os
import shutil
from pathlib import Path

_END = 4096
"""Bytes that are kept of either end; a shorter file stays whole (truncate_accuracy_log.py)."""
_GAP = b"\n\n...\n\n"


def sha256(path: Path) -> str:
    """The sha256 of a file, read as a stream."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def truncated(source: Path, target: Path) -> None:
    """Write the two ends of ``source``, which may be of any size, to ``target``."""
    with source.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < _END:
            target.write_bytes(file.read())
            return
        start = file.read(_END)
        file.seek(size - _END)
        target.write_bytes(start + _GAP + file.read(_END))


def keep_whole(source: Path, target: Path) -> None:
    """Put the whole of ``source`` at ``target``: the same file again where that can be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        # Another file system, or one without hard links.
        shutil.copyfile(source, target)
