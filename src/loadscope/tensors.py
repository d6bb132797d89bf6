"""The one form in which arrays pass between data sets, drivers and backends."""

from typing import Any

from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]
"""Named arrays in native byte order and C-contiguous; the first axis is the batch."""

ANY_SIZE = -1
"""A size that each batch chooses (the length of its texts), in a declared shape.

All tensors of a model that have it have the same size there in one batch.
"""


def fits(shape: tuple[int, ...], declared: tuple[int, ...]) -> bool:
    """Whether a shape, without its batch axis, is a declared one."""
    return shape == declared or (
        len(shape) == len(declared)
        and all(given in (size, ANY_SIZE) for size, given in zip(shape, declared, strict=True))
    )
