"""ONNX to a TensorFlow frozen graph of native operators, images with channels last."""

import re
from pathlib import Path
from typing import Any

from loadscope.files import replacing
from loadscope.tools.convert.graph import Graph, read_graph
from loadscope.tools.convert.simplify import simplify
from loadscope.tools.convert.tensorflow_emitter import TensorFlowEmitter, public_name
from loadscope.tools.convert.tensorflow_import import tf
from loadscope.tools.convert.tensorflow_ops import handles


def convert(source: Path, output: Path) -> None:
    """Write a frozen graph that computes what an ONNX file does.

    Image inputs (four axes) take channels last; every other tensor keeps its axes. Names of
    inputs and outputs are those of the ONNX file.

    Args:
        source: The ONNX file.
        output: The ``.pb`` file.

    Raises:
        InputError: The file is not usable, or has an operator that is not converted here; the
            message names operator and node.
    """
    graph = read_graph(source)
    simplify(graph)
    definition = definition_of(graph, TensorFlowEmitter)
    with replacing(output) as temporary:
        temporary.write_bytes(definition.SerializeToString(deterministic=True))


def definition_of(graph: Graph, kind: type[TensorFlowEmitter]) -> Any:
    """A graph as a GraphDef.

    Args:
        graph: What is converted, simplified.
        kind: Of the emitter that writes it.

    Raises:
        InputError: It has an operator that is not converted here.
    """
    with tf.Graph().as_default() as written:
        emitter = kind(graph)
        for node in graph.nodes:
            handler = handles.of(graph, node)
            with tf.name_scope(_scope(node.name)):
                handler(emitter, node)
        for name in graph.outputs:
            tf.identity(emitter.plain(name), name=public_name(graph, name))
    return written.as_graph_def()


def _scope(name: str) -> str:
    """A node's name in the characters that TensorFlow allows, apart from the outputs' names."""
    return f"nodes/{re.sub('[^A-Za-z0-9]', '_', name)}"
