"""The tensors of an ONNX file, as TVM takes them."""

from pathlib import Path

from loadscope.sut.onnx_files import ends
from loadscope.sut.signature import Given, Signature, settled, with_given
from loadscope.sut.tvm.program import compiled, machine, read_module, run
from loadscope.tensors import Tensors


def read(format: str, path: Path, given: Given) -> Signature:
    """Read the file; sizes of outputs that it leaves open are tried.

    Raises:
        InputError: TVM cannot read it.
    """
    module = read_module(path)
    fed, outputs = ends(path)
    inputs = with_given(fed, given)

    def answers(batch: Tensors) -> Tensors:
        own = machine(compiled(module, path))
        found = run(own["main"], [batch[one.name] for one in fed])
        return {one.name: array for one, array in zip(outputs, found, strict=True)}

    return Signature(inputs, settled(inputs, outputs, answers))
