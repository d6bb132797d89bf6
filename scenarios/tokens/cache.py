"""Keys and values of a running batch: rows are taken out, others come in, filled up to one length.

States that grow are filled up on the left, so that the newest token of every row is in the last
column; states of an encoder's output on the right, as the samples themselves are.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def joined(
    parts: Sequence[tuple[NDArray[Any], Sequence[int]]], axis: int, length: int, left: bool
) -> NDArray[Any]:
    """Rows of several arrays as one array, each filled up with zeros, or cut, to a length.

    Args:
        parts: Arrays that differ along ``axis`` at most, and the rows to take of each.
        axis: The axis of the tokens.
        length: Its size in the result. What is cut of a longer array is filling.
        left: Whether the filling is before the tokens.

    Returns:
        A C-contiguous array; one of the parts itself where that is what is asked for.
    """
    if len(parts) == 1:
        array, rows = parts[0]
        if array.shape[axis] == length and len(rows) == len(array):
            return array
    shape = list(parts[0][0].shape)
    shape[0], shape[axis] = sum(len(rows) for _, rows in parts), length
    # Zeros: what is masked is multiplied by nought, which a leftover infinity would survive.
    made = np.zeros(shape, parts[0][0].dtype)
    at = 0
    for array, rows in parts:
        size = min(array.shape[axis], length)
        end = array.shape[axis]
        source = _along(axis, end - size, end) if left else _along(axis, 0, size)
        target = _along(axis, length - size, length) if left else _along(axis, 0, size)
        for row in rows:
            here: Any = (at, *target)
            there: Any = (row, *source)
            made[here] = array[there]
            at += 1
    return made


def _along(axis: int, start: int, end: int) -> tuple[slice, ...]:
    """Slices behind the batch axis that cut ``axis`` alone."""
    return (*[slice(None)] * (axis - 1), slice(start, end))
