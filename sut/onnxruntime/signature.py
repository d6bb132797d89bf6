"""The tensors of an ONNX file, as ONNX Runtime sees them."""

from collections.abc import Sequence
from pathlib import Path

import onnxruntime

from loadscope.sut.backend import Artifact
from loadscope.sut.onnxruntime.backend import numpy_name, open_session
from loadscope.sut.signature import FileTensor, Given, Signature, settled, with_given
from loadscope.tensors import Tensors


def read(format: str, path: Path, given: Given) -> Signature:
    """Open a session, unoptimised, and ask it; sizes that it does not know are tried.

    Raises:
        InputError: The file is not usable ONNX.
    """
    artifact = Artifact(path, format, (), (), options={"graph_optimization": "none"})
    session = open_session(artifact, 1)
    inputs = with_given(_tensors(session.get_inputs()), given)
    outputs = _tensors(session.get_outputs())

    def run(batch: Tensors) -> Tensors:
        names = [one.name for one in outputs]
        return dict(zip(names, session.run(names, batch), strict=True))

    return Signature(inputs, settled(inputs, outputs, run))


def _tensors(nodes: Sequence[onnxruntime.NodeArg]) -> list[FileTensor]:
    return [FileTensor(node.name, numpy_name(node.type), _sizes(node)) for node in nodes]


def _sizes(node: onnxruntime.NodeArg) -> tuple[int | None, ...] | None:
    # A scalar and a tensor of unknown rank look alike; the first is not met among the ends.
    if not node.shape:
        return None
    return tuple(size if isinstance(size, int) else None for size in node.shape)
