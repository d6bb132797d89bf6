"""The sha256 of files."""

import hashlib
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.suite.fetch.reporting import report_bytes

CHUNK = 1 << 20
"""Bytes read at a time."""


def file_sha256(path: Path, progress: Progress | None = None) -> str:
    """The sha256 of a file's contents, as hexadecimal digits."""
    digest = hashlib.sha256()
    total = path.stat().st_size
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if progress is not None:
                report_bytes(progress, f"check {path.name}", done, total)
    return digest.hexdigest()
