"""What a model's file says of its tensors, as far as it says it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loadscope.decoding import Decoding
from loadscope.errors import InputError, near
from loadscope.names import DEFAULT_NUMERICS
from loadscope.shapes import Sizes
from loadscope.tensors import Tensors

Given = Mapping[str, Sizes]
"""What the user says of inputs, by name."""

Run = Callable[[Tensors], Tensors]
"""Runs a model; outputs by name."""

# What an input is of where nothing tells.
_USUAL = "float32"
# Two batches, by which an axis that follows them is told from one of a fixed size.
_BATCHES = (2, 3)


@dataclass(frozen=True)
class FileTensor:
    """An input or output.

    Attributes:
        name: As the backend calls it.
        dtype: A numpy type name; empty where the file has none.
        shape: All sizes, the batch's first; None for a size that is open, None for all of them
            where even their number is.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Signature:
    """The tensors of a file, in the order in which it has them.

    Attributes:
        inputs: What it takes.
        outputs: What it answers.
        numerics: What it computes with, where that is not told from its tensors' types.
        decoding: How it answers token by token, where the framework steps it and the folder says.
    """

    inputs: tuple[FileTensor, ...]
    outputs: tuple[FileTensor, ...]
    numerics: str = DEFAULT_NUMERICS
    decoding: Decoding | None = None


def with_given(inputs: Sequence[FileTensor], given: Given) -> tuple[FileTensor, ...]:
    """Inputs whose open sizes, and types, are filled in by what the user says.

    A batch of 1 that is said leaves an open batch axis open.

    Raises:
        InputError: Something is said of an input that there is not, or otherwise than in the file.
    """
    names = [one.name for one in inputs]
    for name in given:
        if name not in names:
            raise InputError(
                f"--shape: the model has no input '{name}'",
                f"{near(name, names)}its inputs: {', '.join(names)}",
            )
    return tuple(_filled(one, given.get(one.name)) for one in inputs)


def _filled(one: FileTensor, said: Sizes | None) -> FileTensor:
    dtype = one.dtype or (said.dtype if said else "") or _USUAL
    if said is None:
        return FileTensor(one.name, dtype, one.shape)
    known = one.shape or (None,) * len(said.sizes)
    same = len(known) == len(said.sizes) and all(
        size in (None, wanted) for size, wanted in zip(known[1:], said.sizes[1:], strict=True)
    )
    batch_fits = known[0] in (None, said.sizes[0]) or said.sizes[0] == 1
    if not same or not batch_fits or (said.dtype and said.dtype != dtype):
        shown = ", ".join("N" if size is None else str(size) for size in known)
        given = ", ".join(map(str, said.sizes))
        raise InputError(
            f"input '{one.name}': expected {dtype} [{shown}], as the file has it, got "
            f"{said.dtype or dtype} [{given}]",
            "correct --shape, or inputs in the model's manifest",
        )
    batch = None if known[0] is None and said.sizes[0] == 1 else known[0] or said.sizes[0]
    return FileTensor(one.name, dtype, (batch, *said.sizes[1:]))


def settled(
    inputs: Sequence[FileTensor], outputs: Sequence[FileTensor], run: Run
) -> tuple[FileTensor, ...]:
    """Outputs with the sizes that a file leaves open, seen in runs on zeros.

    Args:
        inputs: The inputs; where one of their sizes is open, outputs stay as they are.
        outputs: The outputs, of which ``run`` gives each.
        run: Runs the model.
    """
    is_open = any(one.shape is None or None in one.shape[1:] for one in outputs)
    if not is_open or not complete(inputs):
        return tuple(outputs)
    seen = {one.name: one for one in observed(inputs, run)}
    return tuple(seen[one.name] for one in outputs)


def observed(inputs: Sequence[FileTensor], run: Run) -> tuple[FileTensor, ...]:
    """Outputs as runs on zeros give them; what follows the batch is told by two batches.

    Args:
        inputs: The inputs, no size but the batch's open.
        run: Runs the model.
    """
    is_fixed = any(one.shape and one.shape[0] is not None for one in inputs)
    first, *others = [run(_zeros(inputs, batch)) for batch in _BATCHES[: 1 if is_fixed else 2]]
    return tuple(
        FileTensor(
            name,
            array.dtype.name,
            merged(array.shape, others[0][name].shape if others else array.shape),
        )
        for name, array in first.items()
    )


def merged(here: Sequence[int], there: Sequence[int]) -> tuple[int | None, ...]:
    """The shape of a tensor that two batches were seen of, its batch axis open if they differ."""
    if len(here) != len(there):
        return tuple(here)
    return tuple(
        None if at == 0 and one != other else one
        for at, (one, other) in enumerate(zip(here, there, strict=True))
    )


def complete(inputs: Sequence[FileTensor]) -> bool:
    """Whether no size of the inputs is open but the batch's."""
    return not any(one.shape is None or None in one.shape[1:] for one in inputs)


def _zeros(inputs: Sequence[FileTensor], batch: int) -> Tensors:
    return {
        one.name: np.zeros([batch if size is None else size for size in one.shape or ()], one.dtype)
        for one in inputs
    }
