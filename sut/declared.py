"""What a manifest declares, held against what comes."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from loadscope.errors import InputError, near
from loadscope.sut.backend import TensorInfo
from loadscope.sut.signature import FileTensor
from loadscope.tensors import ANY_SIZE, Tensors, fits


def require_tensors(
    side: str,
    declared: Sequence[TensorInfo],
    actual: Sequence[FileTensor],
    most: int | None,
    complete: bool,
) -> None:
    """Hold declared inputs or outputs against the file's.

    A fixed batch axis is fine where the manifest declares its size.

    Args:
        side: ``input`` or ``output``.
        declared: What the manifest has.
        actual: What the file has; sizes that it leaves open fit any, of a type that it does not
            tell likewise.
        most: The declared size of a fixed batch.
        complete: Whether none may be left out.

    Raises:
        InputError: One is missing, or is of another type or shape.
    """
    fix = f"correct {side}s in the model's manifest"
    known = {one.name: one for one in actual}
    for info in declared:
        if info.name not in known:
            raise InputError(
                f"the model has no {side} '{info.name}'",
                f"{near(info.name, known)}it has: {', '.join(known)}",
            )
        found = known[info.name]
        shape = found.shape
        sizes = info.shape
        if shape is not None:
            sizes = tuple(ANY_SIZE if size is None else size for size in shape[1:])
        # An open size of the file fits any, as one that the manifest leaves to each batch does.
        agrees = fits(info.shape, sizes) or (shape is not None and fits(sizes, info.shape))
        if found.dtype not in ("", info.dtype) or not agrees:
            shown = "of unknown shape" if shape is None else list(shape)
            raise InputError(
                f"{side} '{info.name}' is {found.dtype} {shown} in the model, {info.dtype} "
                f"{['batch', *info.shape]} in the manifest",
                fix,
            )
        if shape and shape[0] is not None:
            require_batch(side, info.name, shape[0], most)
    left_out = known.keys() - {info.name for info in declared}
    if complete and left_out:
        raise InputError(f"the model also needs {side} '{min(left_out)}'", fix)


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


def _fixed(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Each axis of a batch, and its size, that a declared shape leaves to no batch."""
    return [(axis, size) for axis, size in enumerate(shape, 1) if size != ANY_SIZE]


class BatchCheck:
    """Checks that a batch has the declared inputs in the form that frameworks can share.

    Args:
        inputs: The declared inputs.
    """

    def __init__(self, inputs: Iterable[TensorInfo]) -> None:
        # The sizes that are fixed are counted out here: a step of a decoder has dozens of inputs,
        # and a small one takes less than a millisecond.
        self._inputs = [
            (info.name, np.dtype(info.dtype), info.shape, 1 + len(info.shape), _fixed(info.shape))
            for info in inputs
        ]

    def __call__(self, batch: Tensors) -> None:
        """Check a batch.

        Raises:
            InputError: An input is missing, or is not a C-contiguous array in native byte order
                of the declared type and shape behind the batch axis.
        """
        for name, dtype, shape, rank, fixed in self._inputs:
            array: Any = batch.get(name)
            if array is None:
                raise InputError(f"the batch has no input '{name}'", f"it has: {', '.join(batch)}")
            given = array.shape
            if (
                array.dtype != dtype
                or len(given) != rank
                or not array.flags.c_contiguous
                or any([given[axis] != size for axis, size in fixed])
            ):
                order = "" if array.flags.c_contiguous else ", not C-contiguous"
                raise InputError(
                    f"input '{name}' is {array.dtype.str} {array.shape}{order}; the model takes "
                    f"C-contiguous {dtype.str} {('batch', *shape)}",
                    "convert it with numpy.ascontiguousarray and astype",
                )
