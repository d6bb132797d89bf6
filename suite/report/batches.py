"""The batches of one run, reduced to a curve and a few figures."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.rundir.rowfile import BATCHES

_CURVE_POINTS = 400


@dataclass(frozen=True, eq=False)
class Completion:
    """How the samples of a run were done over time.

    Attributes:
        batches: Count of batches.
        samples: Count of samples.
        largest: Samples of the largest batch.
        workers: Count of workers that ran a batch.
        busy: The share of the time from the first start to the last end in which a worker
            was inside the backend, the mean over the workers, in [0, 1].
        seconds: Ends of batches since the start of the test, ascending from 0, shape
            ``(points,)``, float64, at most 401.
        done: Samples completed by then, int64.
    """

    batches: int
    samples: int
    largest: int
    workers: int
    busy: float
    seconds: NDArray[np.float64]
    done: NDArray[np.int64]


def read_completion(path: Path) -> Completion:
    """Reduce ``batches.bin`` (``rowfile.BATCHES``) to a curve and figures.

    Raises:
        InputError: A batch ends before it starts, or holds no sample.
    """
    rows = BATCHES.read(path)
    start, end, samples, worker = (rows[:, column] for column in range(4))
    wrong = np.flatnonzero((end < start) | (samples < 1))
    if len(wrong):
        raise InputError(
            f"{path} is corrupt: row {wrong[0]} (start, end, samples, worker) is "
            f"{', '.join(str(value) for value in rows[wrong[0]])}",
            "repeat the run",
        )
    order = np.argsort(end, kind="stable")
    done = np.cumsum(samples[order], dtype=np.int64)
    drawn = np.unique(np.linspace(0, len(order) - 1, _CURVE_POINTS).astype(np.int64))
    workers = len(np.unique(worker))
    span = int(end.max() - start.min())
    return Completion(
        batches=len(order),
        samples=int(done[-1]),
        largest=int(samples.max()),
        workers=workers,
        busy=float((end - start).sum() / (span * workers)) if span else 1.0,
        seconds=np.concatenate([[0.0], end[order[drawn]] / 1e9]),
        done=np.concatenate([[0], done[drawn]]),
    )
