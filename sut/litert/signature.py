"""The tensors of a ``.tflite`` file."""

from pathlib import Path

from loadscope.sut.litert.model import allocate, loading, numerics, open_interpreter, ports, tensors
from loadscope.sut.signature import Given, Signature, settled, with_given
from loadscope.tensors import Tensors


def read(format: str, path: Path, given: Given) -> Signature:
    """Read the file; sizes that it leaves open are tried.

    Raises:
        InputError: LiteRT cannot read the file.
    """
    with loading(path):
        interpreter = open_interpreter(path, 1, "xnnpack")
        fed, ends = ports(interpreter)
        inputs, outputs = with_given(tensors(fed), given), tensors(ends)

        def run(batch: Tensors) -> Tensors:
            allocate(interpreter, {one.index: batch[one.name].shape for one in fed})
            for one in fed:
                interpreter.set_tensor(one.index, batch[one.name])
            interpreter.invoke()
            return {one.name: interpreter.get_tensor(one.index) for one in ends}

        return Signature(inputs, settled(inputs, outputs, run), numerics(interpreter))
