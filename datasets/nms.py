"""Non-maximum suppression within classes, on numpy arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 128
"""Boxes compared at once: few enough for the nearest cache, enough for numpy to be quick."""

_Positions = NDArray[np.intp]


def suppress(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[Any],
    threshold: float,
    most: int,
) -> _Positions:
    """Choose boxes greedily by score; drop what overlaps a better one of the same class.

    Works through the boxes in blocks, best first, and stops at ``most``.

    Args:
        boxes: ``(n, 4)``, two opposite corners (in either order of axes), any unit.
        scores: ``(n,)``.
        classes: ``(n,)``.
        threshold: A box goes when its intersection over union is above this number.
        most: How many to choose at most.

    Returns:
        The positions of the chosen boxes, best first; of equal scores the earlier one first.
    """
    order = np.argsort(-scores, kind="stable")
    overlaps = _Overlaps(boxes[order], classes[order], threshold)
    chosen = np.empty(0, np.intp)
    for start in range(0, len(order), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(order)))
        _, dropped = overlaps.pairs(chosen, block)
        stands = np.ones(len(block), np.bool_)
        stands[dropped] = False
        block = block[stands]
        block = block[_greedy(len(block), *overlaps.pairs(block, block))]
        chosen = np.concatenate([chosen, block[: most - len(chosen)]])
        if len(chosen) == most:
            break
    return order[chosen]


class _Overlaps:
    """Finds the boxes of a class that overlap by more than the threshold."""

    def __init__(self, boxes: NDArray[np.float32], classes: NDArray[Any], threshold: float) -> None:
        # numpy is several times slower on an inner axis of four than on four arrays.
        self._low_y, self._low_x, self._high_y, self._high_x = np.ascontiguousarray(boxes.T)
        self._areas = (self._high_y - self._low_y) * (self._high_x - self._low_x)
        self._classes = classes
        self._threshold = threshold

    def pairs(self, first: _Positions, second: _Positions) -> tuple[_Positions, _Positions]:
        """Where in ``first`` the better and where in ``second`` the worse box of each pair is."""
        same = self._classes[first, None] == self._classes[second]
        # Only a fraction shares a class, so only that fraction is worth the arithmetic.
        at, other = np.nonzero(same & (first[:, None] < second))
        a, b = first[at], second[other]
        high = np.minimum(self._high_y[a], self._high_y[b])
        wide = np.minimum(self._high_x[a], self._high_x[b])
        high -= np.maximum(self._low_y[a], self._low_y[b])
        wide -= np.maximum(self._low_x[a], self._low_x[b])
        shared = np.maximum(high, 0) * np.maximum(wide, 0)
        over = shared > self._threshold * (self._areas[a] + self._areas[b] - shared)
        return at[over], other[over]


def _greedy(count: int, better: _Positions, worse: _Positions) -> NDArray[np.bool_]:
    """Which of ``count`` boxes stand, given the pairs of which the second yields to the first.

    Starting from all, each round settles at least one box more for good, so a round that
    changes nothing has found the greedy choice. Chains of overlaps are short, and so are the
    rounds few.
    """
    stands = np.ones(count, np.bool_)
    while True:
        following = np.ones(count, np.bool_)
        following[worse[stands[better]]] = False
        if (following == stands).all():
            return stands
        stands = following
