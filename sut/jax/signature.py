"""The tensors of an ONNX file, as JAX takes them."""

from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from loadscope.sut.jax.graph import Tensor, read_graph
from loadscope.sut.signature import FileTensor, Given, Signature, settled, with_given
from loadscope.tensors import Tensors


def read(format: str, path: Path, given: Given) -> Signature:
    """Read the file; sizes of outputs that it leaves open are tried.

    Raises:
        InputError: It is unusable, or has an operator that is not known here.
    """
    jax.config.update("jax_enable_x64", True)
    graph = read_graph(path)
    inputs = with_given(_tensors(graph.inputs), given)
    outputs = _tensors(graph.outputs)

    def run(batch: Tensors) -> Tensors:
        found = graph.run({**graph.weights, **batch})
        return {name: np.asarray(array) for name, array in found.items()}

    return Signature(inputs, settled(inputs, outputs, run))


def _tensors(found: Mapping[str, Tensor]) -> list[FileTensor]:
    return [FileTensor(name, one.dtype, one.shape) for name, one in found.items()]
