"""Scoring of segmented volumes: the mean Dice coefficient."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.record_workers import available_cores
from loadscope.datasets.task import Answer, Progress, Score
from loadscope.datasets.volume_segmentation.metric import DICE
from loadscope.errors import WorkError

SMOOTHING = 1e-6
"""Added above and below (mlcommons/inference, 3d-unet-kits19/accuracy_kits.py)."""

_FIX = "the run is not to be trusted: run accuracy mode again"


def score_volumes(
    answers: Iterable[Answer],
    truth: Callable[[int], NDArray[np.uint8]],
    samples: int,
    names: Sequence[str],
    remark: str = "",
    progress: Progress | None = None,
) -> Score:
    """Compare the classes of voxels with masks, volume by volume.

    The Dice coefficient of a class is ``(2 I + s) / (T + P + s)`` of the voxels that have it in
    both, in the mask and in the answer. Class 0 does not count. The score is the mean over
    volumes and classes, and a class that neither has is right (1). Of a sample's several answers
    the first counts.

    Args:
        answers: In any order, each a byte a voxel.
        truth: Gives the class of each voxel of a sample, as it was fed.
        samples: How many must be answered.
        names: What the classes from 1 on are called.
        remark: Of the data set.
        progress: Told how many samples are done.

    Returns:
        ``value`` is from 0 to 1; ``line`` has the form of the official script; ``details`` has
        the mean of each class.

    Raises:
        WorkError: A sample is not answered, or by what are not the voxels of its volume or no
            classes.
    """
    found: list[NDArray[np.float64]] = []
    for each in _compared(_first(answers, samples), truth, len(names)):
        found.append(each)
        if progress is not None:
            progress("scoring", len(found), samples)
    means = np.mean(np.array(found), axis=0)
    mean = float(means.mean())
    parts = [f"{name} = {value:.4f}" for name, value in zip(names, means, strict=True)]
    return Score(
        metric=DICE,
        value=mean,
        samples=samples,
        line=f"Accuracy: mean = {mean:.5f}, {', '.join(parts)}",
        details={"classes": dict(zip(names, means.tolist(), strict=True))},
        remark=remark,
    )


def dice(truth: NDArray[np.uint8], found: NDArray[np.uint8], classes: int) -> NDArray[np.float64]:
    """The coefficient of each class from 1 on, ``(classes,)``.

    Args:
        truth: The class of each voxel.
        found: Likewise, as many.
        classes: How many there are beside class 0.
    """
    count = classes + 1
    # As few bytes a voxel as a pair of classes takes: there are millions of them.
    places = truth.reshape(-1).astype("u1" if count * count <= 256 else "u2")
    places *= count
    places += found.reshape(-1)
    pairs = np.bincount(places, minlength=count * count).reshape(count, count)
    both, either = np.diagonal(pairs), pairs.sum(axis=0) + pairs.sum(axis=1)
    coefficients: NDArray[np.float64] = (2.0 * both + SMOOTHING) / (either + SMOOTHING)
    return coefficients[1:]


def _first(answers: Iterable[Answer], samples: int) -> Iterator[Answer]:
    """The first answer of each sample; then the error where one is missing."""
    answered = np.zeros(samples, np.bool_)
    for answer in answers:
        if not 0 <= answer.index < samples:
            raise WorkError(f"sample {answer.index} is not among the {samples} samples", _FIX)
        if not answered[answer.index]:
            answered[answer.index] = True
            yield answer
    if not answered.all():
        missing = np.flatnonzero(~answered)
        more = f" ({len(missing) - 1} more like it)" if len(missing) > 1 else ""
        raise WorkError(f"sample {missing[0]} is not answered{more}", _FIX)


def _compared(
    answers: Iterator[Answer], truth: Callable[[int], NDArray[np.uint8]], classes: int
) -> Iterator[NDArray[np.float64]]:
    """On all cores; a few volumes are in memory at once."""
    workers = available_cores()

    def work(answer: Answer) -> NDArray[np.float64]:
        mask, found = truth(answer.index), np.frombuffer(answer.payload, np.uint8)
        if found.size != mask.size:
            raise WorkError(
                f"sample {answer.index} is answered with {found.size} bytes, expected one for "
                f"each of {mask.size} voxels",
                _FIX,
            )
        for what, values in (("is answered with", found), ("has", mask)):
            if values.size and values.max() > classes:
                raise WorkError(f"sample {answer.index} {what} class {values.max()} of {classes}")
        return dice(mask, found, classes)

    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[Future[NDArray[np.float64]]] = deque()
        for answer in answers:
            ahead.append(pool.submit(work, answer))
            if len(ahead) > workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
