"""Non-maximum suppression within classes: OpenCV's for few boxes, our own for many."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 128
"""Boxes compared at once: few enough for the nearest cache, enough for numpy to be quick."""

_FEW = 128
"""OpenCV compares every box with every chosen one, in one call. For more boxes than these our own
way is faster, and for the thousands of an untrained model it is the only one that ends soon."""

_BEFORE = np.triu(np.ones((_BLOCK, _BLOCK), np.bool_), 1)
_LOW_AND_NEGATED_HIGH = np.array([[1], [1], [-1], [-1]], np.float32)
_Positions = NDArray[np.intp]


def suppress(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[Any],
    threshold: float,
    most: int,
) -> _Positions:
    """Choose boxes greedily by score; drop what overlaps a better one of the same class.

    Many boxes are worked through in blocks, best first, as far as ``most``.

    Args:
        boxes: ``(n, 4)``, the low and then the high corner (in either order of axes), any unit.
        scores: ``(n,)``.
        classes: ``(n,)``, whole numbers.
        threshold: A box goes when its intersection over union is above this number.
        most: How many to choose at most.

    Returns:
        The positions of the chosen boxes, best first; of equal scores the earlier one first.
    """
    if len(scores) <= _FEW:
        found = _by_opencv(boxes, scores, classes, threshold)
        if found is not None:
            return found[:most]
    order = (-scores).argsort(kind="stable")
    overlaps = _Overlaps(boxes[order], classes[order], threshold)
    chosen = np.empty(0, np.intp)
    for start in range(0, len(order), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(order)))
        if len(chosen):
            stands = np.ones(len(block), np.bool_)
            stands[overlaps.pairs(chosen, block)[1]] = False
            block = block[stands]
        stands = np.ones(len(block), np.bool_)
        better, worse = overlaps.pairs(block, block)
        # In order of the better one, so that whether it stands itself is settled.
        for one, other in zip(better.tolist(), worse.tolist(), strict=True):
            if stands[one]:
                stands[other] = False
        chosen = np.concatenate([chosen, block[stands][: most - len(chosen)]])
        if len(chosen) == most:
            break
    return order[chosen]


@functools.cache
def opencv() -> Callable[..., Any]:
    """OpenCV's way, imported: detectors alone have a use for it in the measured process."""
    import cv2

    # Its declarations ask for lists, which it takes more slowly than arrays.
    suppress: Callable[..., Any] = cv2.dnn.NMSBoxesBatched
    return suppress


def _by_opencv(
    boxes: NDArray[Any], scores: NDArray[Any], classes: NDArray[Any], threshold: float
) -> _Positions | None:
    """All that is chosen; None of no boxes, and of boxes that OpenCV treats otherwise.

    Boxes without extent are alike to it, and those without end have no class.
    """
    near = boxes.copy()
    sides = near[:, 2:]
    sides -= near[:, :2]
    if not (sides.size and sides.min() > 0 and sides.max() < np.inf):
        return None
    chosen: _Positions = opencv()(near, scores, classes, -np.inf, threshold)
    return chosen


class _Overlaps:
    """Finds the boxes of a class that overlap by more than the threshold.

    Detectors answer in a few milliseconds, and numpy needs about one microsecond a call, so the
    calls are few: the two low and the two negated high edges are one array, whose maximum over
    two boxes has the edges of what they share.
    """

    def __init__(self, boxes: NDArray[np.float32], classes: NDArray[Any], threshold: float) -> None:
        self._edges = boxes.T * _LOW_AND_NEGATED_HIGH
        sides = self._edges[:2] + self._edges[2:]
        self._areas = sides[0] * sides[1]
        self._classes = classes
        self._threshold = threshold

    def pairs(self, first: _Positions, second: _Positions) -> tuple[_Positions, _Positions]:
        """Where in ``first`` the better and where in ``second`` the worse box of each pair is.

        Both are in order; all of ``first`` come before ``second``, or both are the same.
        """
        same = self._classes[first, None] == self._classes[second]
        if first is second:
            same &= _BEFORE[: len(first), : len(first)]
        # Only a fraction shares a class, so only that fraction is worth the arithmetic.
        at, other = positions(same)
        a, b = first[at], second[other]
        shared = np.maximum(self._edges[:, a], self._edges[:, b])
        sides = np.minimum(shared[:2] + shared[2:], 0)
        area = sides[0] * sides[1]
        over = area > self._threshold * (self._areas[a] + self._areas[b] - area)
        return at[over], other[over]


def positions(mask: NDArray[np.bool_]) -> tuple[_Positions, _Positions]:
    """Rows and columns of what is true in a matrix, several times as fast as ``nonzero``."""
    rows, columns = np.divmod(mask.ravel().nonzero()[0], mask.shape[1])
    return rows, columns
