"""The tensors of a TensorFlow model, whichever its format."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.native_output import quiet
from loadscope.sut.signature import FileTensor, Given, Signature, settled, with_given
from loadscope.sut.tensorflow.backend import graph_of
from loadscope.tensors import Tensors

# What stands at the end of a graph without being an answer.
_NO_ANSWERS = ("NoOp", "Const", "Placeholder", "Assert")


def read(format: str, path: Path, given: Given) -> Signature:
    """Read the graph; sizes that it leaves open are tried.

    Raises:
        InputError: The file is not of its format, or has no inputs.
    """
    with quiet():
        definition, names = graph_of(Artifact(path, format, (), ()))
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(definition, name="")
        operations = graph.get_operations()
        fed = [one.outputs[0] for one in operations if one.type == "Placeholder"]
        if not fed:
            raise InputError(f"{path}: the graph has no inputs", "save the model with its inputs")
        ends = [
            result
            for one in operations
            if one.type not in _NO_ANSWERS and not any(each.consumers() for each in one.outputs)
            for result in one.outputs
        ]
        outer = {inside: name for name, inside in names.items()}
        if names:
            fed = [one for one in fed if one.name in outer]
            inner = {one.name for one in fed}
            ends = [graph.get_tensor_by_name(each) for each in outer if each not in inner]
        inputs = with_given([_tensor(one, outer) for one in fed], given)
        outputs = [_tensor(one, outer) for one in ends]

        def run(batch: Tensors) -> Tensors:
            with tf.compat.v1.Session(graph=graph) as session:
                feeds = {one: batch[tensor.name] for one, tensor in zip(fed, inputs, strict=True)}
                found = session.run(ends, feeds)
            return {one.name: np.asarray(value) for one, value in zip(outputs, found, strict=True)}

        return Signature(inputs, settled(inputs, outputs, run))


def _tensor(tensor: Any, outer: dict[str, str]) -> FileTensor:
    name = outer.get(tensor.name, tensor.name.removesuffix(":0"))
    sizes = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
    dtype = np.dtype(tensor.dtype.as_numpy_dtype).name
    return FileTensor(name, dtype, sizes)
