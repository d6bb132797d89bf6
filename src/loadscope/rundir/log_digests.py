"""Digests of a test's logs, taken as it ends, by which a later change of them is found."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from loadscope.rundir.rowfile import BATCHES, LATENCIES

_LOGS = (
    "mlperf_log_detail.txt",
    "mlperf_log_summary.txt",
    "mlperf_log_accuracy.json",
    LATENCIES.name,
    BATCHES.name,
)


def log_digests(folder: Path) -> dict[str, str]:
    """The sha256 of each log in a test's folder by name, as ``run.json`` keeps them."""
    return {name: _digest(folder / name) for name in _LOGS if (folder / name).is_file()}


def changed_logs(folder: Path, recorded: Mapping[str, str]) -> list[str]:
    """Name the logs that are not what they were when their test ended, or are missing."""
    return [
        f"{name} is missing" if not (folder / name).is_file() else f"{name} has changed"
        for name, digest in recorded.items()
        if not (folder / name).is_file() or _digest(folder / name) != digest
    ]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
