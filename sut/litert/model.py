"""A ``.tflite`` file as LiteRT's interpreter tells of it."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from loadscope.errors import InputError
from loadscope.sut.native_output import held_back
from loadscope.sut.signature import FileTensor
from loadscope.tensors import ANY_SIZE

DELEGATE = "DELEGATE"
"""The operator that stands for a part of the graph which a delegate has taken over."""

_RESOLVERS = {
    "xnnpack": OpResolverType.BUILTIN,
    "none": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
}
_QUANTISED = ("int8", "uint8", "int16")


@dataclass(frozen=True)
class Port:
    """An input or output.

    Attributes:
        name: That of the signature, where the file has one, otherwise of the tensor.
        index: The tensor's number.
        dtype: A numpy type name.
        shape: All sizes; -1 for one that is open.
    """

    name: str
    index: int
    dtype: str
    shape: tuple[int, ...]


@contextlib.contextmanager
def loading(path: Path) -> Iterator[None]:
    """Hold back what LiteRT says, and make an error of what it refuses.

    Raises:
        InputError: LiteRT cannot read the file, lacks one of its operators, or the graph does
            not take the shapes that it is given.
    """
    with held_back() as said:
        try:
            yield
        except (ValueError, RuntimeError) as error:
            told = " ".join([*said.lines()[-2:], *str(error).split()])[:300]
            raise InputError(
                f"LiteRT cannot load {path}: {told}",
                "fetch it again, correct source and format in the model's manifest, or convert it "
                "without that operator",
            ) from error


def open_interpreter(path: Path, threads: int, delegate: str) -> Any:
    """An interpreter of a file, without its memory.

    Args:
        path: The file.
        threads: For each of its calls.
        delegate: ``xnnpack`` or ``none``.
    """
    return Interpreter(
        model_path=str(path),
        num_threads=threads,
        experimental_op_resolver_type=_RESOLVERS[delegate],
    )


def allocate(interpreter: Any, shapes: Mapping[int, Sequence[int]]) -> None:
    """Give inputs their shapes, by the tensor's number, and plan the memory."""
    for index, shape in shapes.items():
        interpreter.resize_tensor_input(index, shape, strict=True)
    interpreter.allocate_tensors()


def ports(interpreter: Any) -> tuple[list[Port], list[Port]]:
    """The inputs and outputs of an interpreter."""
    sides = interpreter.get_input_details(), interpreter.get_output_details()
    signatures = interpreter.get_signature_list()
    if not signatures:
        found = [[_port(one["name"], one) for one in side] for side in sides]
        return found[0], found[1]
    key = next(iter(signatures))
    runner = interpreter.get_signature_runner(key)
    named = runner.get_input_details(), runner.get_output_details()
    found = [[_port(name, one) for name, one in side.items()] for side in named]
    return found[0], found[1]


def tensors(found: Sequence[Port]) -> list[FileTensor]:
    """Ports as a file's tensors; LiteRT writes one of unknown rank as one without axes."""
    return [
        FileTensor(
            one.name,
            one.dtype,
            tuple(None if size == ANY_SIZE else size for size in one.shape) or None,
        )
        for one in found
    ]


def _port(name: str, details: dict[str, Any]) -> Port:
    signature = details["shape_signature"]
    shape = signature if len(signature) else details["shape"]
    return Port(
        name.removesuffix(":0"),
        details["index"],
        np.dtype(details["dtype"]).name,
        tuple(int(size) for size in shape),
    )


def numerics(interpreter: Any) -> str:
    """What a file computes with: ``int8`` where weights or values are quantised."""
    for details in interpreter.get_tensor_details():
        scales = details["quantization_parameters"]["scales"]
        if len(scales) and np.dtype(details["dtype"]).name in _QUANTISED:
            return "int8"
    return "float32"


def has_delegate(interpreter: Any) -> bool:
    """Whether a delegate has taken over a part of the graph."""
    return any(one["op_name"] == DELEGATE for one in interpreter._get_ops_details())
