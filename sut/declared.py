"""What a manifest declares, held against what comes."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from loadscope.errors import InputError
from loadscope.sut.backend import TensorInfo
from loadscope.tensors import Tensors, fits


def require_batch(side: str, name: str, size: int, declared: int | None) -> None:
    """Check that a file's fixed batch size is the one that its manifest declares.

    Raises:
        InputError: It is not.
    """
    if size != declared:
        raise InputError(
            f"{side} '{name}' has the fixed batch size {size}",
            f"declare max_batch: {size} in the model's manifest, or export the model with a "
            "dynamic batch axis",
        )


def filled(batch: Tensors, size: int) -> Tensors:
    """A batch with its last sample repeated until it has ``size``, as a fixed batch axis takes it.

    Raises:
        InputError: It has more samples already.
    """
    count = samples(batch)
    if count == size:
        return batch
    if count > size:
        raise InputError(
            f"the batch has {count} samples; the model's file takes {size}",
            f"use --batch-size {size} or less",
        )
    return {
        name: np.concatenate([array, np.repeat(array[-1:], size - count, axis=0)])
        for name, array in batch.items()
    }


def samples(batch: Tensors) -> int:
    """How many samples a batch has."""
    return len(next(iter(batch.values())))


class BatchCheck:
    """Checks that a batch has the declared inputs in the form that frameworks can share.

    Args:
        inputs: The declared inputs.
    """

    def __init__(self, inputs: Iterable[TensorInfo]) -> None:
        self._inputs = [(info.name, np.dtype(info.dtype), info.shape) for info in inputs]

    def __call__(self, batch: Tensors) -> None:
        """Check a batch.

        Raises:
            InputError: An input is missing, or is not a C-contiguous array in native byte order
                of the declared type and shape behind the batch axis.
        """
        for name, dtype, shape in self._inputs:
            array: Any = batch.get(name)
            if array is None:
                raise InputError(f"the batch has no input '{name}'", f"it has: {', '.join(batch)}")
            if (
                array.dtype != dtype
                or not fits(array.shape[1:], shape)
                or not array.flags.c_contiguous
            ):
                order = "" if array.flags.c_contiguous else ", not C-contiguous"
                raise InputError(
                    f"input '{name}' is {array.dtype.str} {array.shape}{order}; the model takes "
                    f"C-contiguous {dtype.str} {('batch', *shape)}",
                    "convert it with numpy.ascontiguousarray and astype",
                )
