"""The tensors of a ``.tflite`` file."""

from collections.abc import Sequence
from pathlib import Path

from loadscope.sut.litert.model import Port, allocate, loading, numerics, open_interpreter, ports
from loadscope.sut.signature import FileTensor, Given, Signature, settled, with_given
from loadscope.tensors import ANY_SIZE, Tensors


def read(format: str, path: Path, given: Given) -> Signature:
    """Read the file; sizes that it leaves open are tried.

    Raises:
        InputError: LiteRT cannot read the file.
    """
    with loading(path):
        interpreter = open_interpreter(path, 1, "xnnpack")
        fed, ends = ports(interpreter)
        inputs, outputs = with_given(_tensors(fed), given), _tensors(ends)

        def run(batch: Tensors) -> Tensors:
            allocate(interpreter, {one.index: batch[one.name].shape for one in fed})
            for one in fed:
                interpreter.set_tensor(one.index, batch[one.name])
            interpreter.invoke()
            return {one.name: interpreter.get_tensor(one.index) for one in ends}

        return Signature(inputs, settled(inputs, outputs, run), numerics(interpreter))


def _tensors(found: Sequence[Port]) -> list[FileTensor]:
    return [
        FileTensor(
            one.name, one.dtype, tuple(None if size == ANY_SIZE else size for size in one.shape)
        )
        for one in found
    ]
