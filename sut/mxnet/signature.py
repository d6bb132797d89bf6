"""The tensors of an MXNet symbol, whose sizes follow from its inputs'."""

import ast
from pathlib import Path

import numpy as np

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.mxnet.backend import read_symbol
from loadscope.sut.mxnet.mxnet_import import import_mxnet
from loadscope.sut.signature import FileTensor, Given, Signature, complete, merged, with_given

_BATCHES = (2, 3)
"""Two batches, by which the axis that follows the batch is told from others."""


def read(format: str, path: Path, given: Given) -> Signature:
    """Read symbol and parameters; what has no parameter is an input.

    Raises:
        InputError: The files are unusable, or sizes of an input are needed.
    """
    mx = import_mxnet(1)
    symbol, arrays = read_symbol(mx, Artifact(path, format, (), ()))
    weights = {name.partition(":")[2]: array for name, array in arrays.items()}
    free = [name for name in symbol.list_arguments() if name not in weights]
    noted = {name: _noted(said) for name, said in symbol.attr_dict().items()}
    inputs = with_given([FileTensor(name, "", noted.get(name)) for name in free], given)
    known = {one.name: one.shape for one in inputs if one.shape and complete([one])}
    first, second = (
        _shapes(symbol, {name: _at(batch, sizes) for name, sizes in known.items()})
        for batch in _BATCHES
    )
    if not known or first is None or second is None:
        missing = next((name for name in free if name not in known), free[0] if free else "data")
        raise InputError(
            f"{path}: a symbol does not say the sizes of its input '{missing}' "
            f"({len(free)} input(s): {', '.join(free)})",
            f"add --shape {missing}=1,3,224,224, with the sizes that it takes",
        )
    (arguments, results), (others, other_results) = first, second
    sizes = dict(zip(symbol.list_arguments(), zip(arguments, others, strict=True), strict=True))
    inputs = tuple(
        one if one.shape is not None else FileTensor(one.name, one.dtype, merged(*sizes[one.name]))
        for one in inputs
    )
    dtypes = {one.name: np.dtype(one.dtype) for one in inputs}
    dtypes |= {name: array.dtype for name, array in weights.items()}
    _, kinds, _ = symbol.infer_type(
        **{name: kind for name, kind in dtypes.items() if name in symbol.list_arguments()}
    )
    outputs = [
        FileTensor(name.removesuffix("_output"), np.dtype(kind).name, merged(here, there))
        for name, kind, here, there in zip(
            symbol.list_outputs(), kinds, results, other_results, strict=True
        )
    ]
    return Signature(inputs, tuple(outputs))


def _at(batch: int, sizes: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(batch if size is None else size for size in sizes)


def _noted(said: dict[str, str]) -> tuple[int | None, ...] | None:
    """The shape that a variable was made with, its batch left open; 0 stands for an open size."""
    try:
        sizes = ast.literal_eval(said.get("__shape__", ""))
        return (None, *(int(size) or None for size in sizes[1:])) if sizes else None
    except (ValueError, SyntaxError, TypeError):
        return None


def _shapes(symbol: object, inputs: dict[str, tuple[int, ...]]) -> tuple[list, list] | None:  # type: ignore[type-arg]
    try:
        arguments, results, _ = symbol.infer_shape(**inputs)  # type: ignore[attr-defined]
    except Exception:
        # MXNetError is a RuntimeError in some of its builds and none in others.
        return None
    return None if arguments is None else (arguments, results)
