"""Scoring of segmentation: mean intersection over union, and pixel accuracy."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.semantic_segmentation.class_maps import unpacked
from loadscope.datasets.task import Answer, Progress, Score
from loadscope.errors import WorkError

MEAN_IOU = ScoreMetric("mIoU")
IGNORED = 255
"""The label of pixels that do not count, as of Pascal VOC's borders."""

_FIX = "the run is not to be trusted: run accuracy mode again"


def score_maps(
    answers: Iterable[Answer],
    mask: Callable[[int], NDArray[np.uint8]],
    samples: int,
    classes: int,
    progress: Progress | None = None,
) -> Score:
    """Compare maps of classes with masks, pixel by pixel of the masks.

    Pixels are counted over the whole data set. The IoU of a class is the number of pixels that
    have it in both, by the number of those that have it in either (Everingham et al., The Pascal
    Visual Object Classes Challenge: A Retrospective, 2015, section 2.3). A class that occurs
    neither in the masks nor in the answers has none and is left out of the mean, as MMSegmentation
    does (``nanmean``). Of a sample's several answers the first counts.

    Args:
        answers: In any order, each of a payload of ``class_maps.postprocess``.
        mask: Gives the label of each pixel of a sample, ``(height, width)``.
        samples: How many must be answered.
        classes: How many the model tells apart.
        progress: Told how many samples are done.

    Returns:
        ``value`` is mIoU in percent. ``details`` has ``pixel_accuracy`` in percent, the number of
        classes that were counted, of pixels, and the IoU of each counted class.

    Raises:
        WorkError: A sample is not answered, or by what is no map of the model's classes; or no
            pixel counts.
    """
    pairs = np.zeros((classes, classes), np.int64)
    answered = np.zeros(samples, np.bool_)
    done = 0
    for answer in answers:
        index = answer.index
        if not 0 <= index < samples:
            raise WorkError(f"sample {index} is not among the {samples} samples", _FIX)
        if answered[index]:
            continue
        answered[index] = True
        found = unpacked(answer.payload)
        if found is None:
            size = len(answer.payload)
            raise WorkError(
                f"sample {index} is answered with {size} bytes, no map of classes", _FIX
            )
        pairs += confusion(mask(index), found, classes, index)
        done += 1
        if progress is not None:
            progress("scoring", done, samples)
    if not answered.all():
        missing = np.flatnonzero(~answered)
        more = f" ({len(missing) - 1} more like it)" if len(missing) > 1 else ""
        raise WorkError(f"sample {missing[0]} is not answered{more}", _FIX)
    return _score(pairs, samples)


def confusion(
    mask: NDArray[np.uint8], found: NDArray[np.int32], classes: int, index: int = 0
) -> NDArray[np.int64]:
    """How many pixels of each label were taken for each class.

    A pixel of the mask has the class at its centre's place in the answer, whose grid spans the
    whole image.

    Args:
        mask: ``(height, width)``, ``IGNORED`` where a pixel does not count.
        found: The answer, of any size.
        classes: How many the model tells apart.
        index: Of the sample, for messages.

    Returns:
        ``(classes, classes)``, labels in rows.

    Raises:
        WorkError: The answer has a class outside the model's.
    """
    if found.min() < 0 or found.max() >= classes:
        strange = found[(found < 0) | (found >= classes)][0]
        raise WorkError(f"sample {index} is answered with class {strange} of {classes}", _FIX)
    rows, columns = (
        (2 * np.arange(size) + 1) * grid // (2 * size)
        for size, grid in zip(mask.shape, found.shape, strict=True)
    )
    counted = mask != IGNORED
    truth = mask[counted].astype(np.int64)
    if truth.size and truth.max() >= classes:
        raise WorkError(
            f"the mask of sample {index} has class {truth.max()}, the model tells {classes} apart",
            "score it with a model of the data set's classes",
        )
    taken = found[rows[:, None], columns[None, :]][counted]
    pairs = np.bincount(truth * classes + taken, minlength=classes * classes)
    return pairs.astype(np.int64).reshape(classes, classes)


def _score(pairs: NDArray[np.int64], samples: int) -> Score:
    total = int(pairs.sum())
    if not total:
        raise WorkError("no pixel of the masks counts, so there is no score")
    both = np.diag(pairs)
    either = pairs.sum(axis=0) + pairs.sum(axis=1) - both
    counted = np.flatnonzero(either)
    ious = 100.0 * both[counted] / either[counted]
    value, accuracy = float(ious.mean()), 100.0 * int(both.sum()) / total
    line = (
        f"mIoU={value:.3f}%, pixel accuracy={accuracy:.3f}%, classes={len(counted)}, "
        f"total={samples}"
    )
    details = {
        "pixel_accuracy": accuracy,
        "classes": len(counted),
        "pixels": total,
        "iou": {
            str(number): iou for number, iou in zip(counted.tolist(), ious.tolist(), strict=True)
        },
    }
    return Score(MEAN_IOU, value, samples, line, details)
