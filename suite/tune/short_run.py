"""Short runs that a search makes: each an ordinary run directory, in a fresh process."""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.task import Progress
from loadscope.names import Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.result import ResultRecord
from loadscope.rundir.rowfile import BATCHES, LATENCIES
from loadscope.rundir.spec import RunSpec
from loadscope.suite.run.resolve import resolve
from loadscope.suite.run.runner import new_run


def short_run(spec: RunSpec, folder: Path, command: str, progress: Progress) -> ResultRecord:
    """Run ``spec`` in ``folder``; what an unfinished probe left there is removed.

    Args:
        spec: What to run.
        folder: The probe's run directory.
        command: The command line to record.
        progress: Where progress goes.
    """
    shutil.rmtree(folder, ignore_errors=True)
    return new_run(resolve(spec, progress), folder, command, progress).result


def query_milliseconds(folder: Path) -> NDArray[np.float64]:
    """Latency of each query of a finished performance test of an inline scenario, as noted."""
    rows = LATENCIES.read(RunDirectory(folder).logs(Mode.PERFORMANCE) / LATENCIES.name)
    return rows[:, 0] / 1e6


def batch_milliseconds(folder: Path) -> float | None:
    """Mean time of a batch in the backend, of a finished performance test; None if it had none."""
    rows = _batches(folder)
    return None if rows is None else float((rows[:, 1] - rows[:, 0]).mean() / 1e6)


def sample_milliseconds(folder: Path) -> float | None:
    """Time of the batches over their samples, as ``batch_milliseconds``."""
    rows = _batches(folder)
    return None if rows is None else float((rows[:, 1] - rows[:, 0]).sum() / rows[:, 2].sum() / 1e6)


def _batches(folder: Path) -> NDArray[np.int64] | None:
    path = RunDirectory(folder).logs(Mode.PERFORMANCE) / BATCHES.name
    return BATCHES.read(path) if path.exists() else None
