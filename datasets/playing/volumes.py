"""Volumes of an answer, cut so that they can be looked at."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.playing.parts import Cuts
from loadscope.datasets.playing.pictures import picture, region

# Arrays do not say how the body lies in them: each form of scans has another order.
_AXES = ("first axis", "second axis", "third axis")


def cuts(
    volume: NDArray[Any], classes: NDArray[Any], names: Mapping[int, str], text: str = ""
) -> Cuts:
    """The three cuts through a volume that meet in the middle of what is marked in it.

    Args:
        volume: ``(depth, height, width)``, any numbers; the smallest is drawn black, the largest
            white.
        classes: As large, the class of each voxel.
        names: The classes that are marked, and what they are called.
        text: What is said of the whole.
    """
    marked = np.isin(classes, list(names))
    found = np.argwhere(marked) if marked.any() else np.array([np.array(volume.shape) // 2])
    middle = found.mean(axis=0).round().astype(int).tolist()
    low, high = float(volume.min()), float(volume.max())
    rows = []
    for axis, (name, at) in enumerate(zip(_AXES, middle, strict=True)):
        grey = np.take(volume, at, axis).astype(np.float64) - low
        shown = (grey * (255 / (high - low) if high > low else 0)).round().astype(np.uint8)
        cut = np.take(classes, at, axis)
        regions = [region(cut == each, names[each]) for each in names if (cut == each).any()]
        rows.append(picture(shown, f"{name}, {at + 1} of {volume.shape[axis]}", regions))
    return Cuts(tuple(rows), text)
