"""Keys and values of a running batch: rows are taken out, others come in, filled up to one length.

States that grow are filled up on the left, so that the newest token of every row is in the last
column; states of an encoder's output on the right, as the samples themselves are.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = tuple[int, int]
"""A row of one of several arrays: the array's number, and the row's."""


def arranged(
    arrays: Sequence[NDArray[Any]], rows: Sequence[Row], axis: int, length: int, left: bool
) -> NDArray[Any]:
    """Rows of several arrays as one array, each filled up with zeros, or cut, to a length.

    Rows of the first array that stay where they are are not copied if that array is as long as
    asked for and has room for all; it is written to, unless it is read-only.

    Args:
        arrays: Arrays that differ along ``axis`` at most, and in their rows.
        rows: What the result has, each row once; one of the first array that moves comes from
            behind the result's last.
        axis: The axis of the tokens.
        length: Its size in the result. What is cut of a longer array is filling.
        left: Whether the filling is before the tokens.

    Returns:
        A C-contiguous array; the first one, or its first rows, where only they are asked for.
    """
    made = arrays[0]
    if made.shape[axis] == length and len(rows) <= len(made):
        moved = [(at, row) for at, row in enumerate(rows) if row != (0, at)]
        if not moved or made.flags.writeable:
            for at, (number, row) in moved:
                _put(made[at : at + 1], arrays[number][row : row + 1], axis, left)
            return made[: len(rows)] if len(rows) < len(made) else made
    shape = list(made.shape)
    shape[0], shape[axis] = len(rows), length
    made = np.empty(shape, made.dtype)
    at = 0
    while at < len(rows):
        # Neighbours that are neighbours in the result are copied at once.
        number, row = rows[at]
        end = at + 1
        while end < len(rows) and rows[end] == (number, row + end - at):
            end += 1
        _put(made[at:end], arrays[number][row : row + end - at], axis, left)
        at = end
    return made


def _put(target: NDArray[Any], source: NDArray[Any], axis: int, left: bool) -> None:
    have, size = source.shape[axis], target.shape[axis]
    before: tuple[slice, ...] = (slice(None),) * axis
    if have > size:
        source = source[(*before, slice(have - size, None) if left else slice(size))]
    elif have < size:
        # Zeros: what is masked is multiplied by nought, which a leftover infinity would survive.
        target[(*before, slice(size - have) if left else slice(have, None))] = 0
        target = target[(*before, slice(size - have, None) if left else slice(have))]
    target[...] = source
