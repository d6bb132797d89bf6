"""ONNX to a ``.tflite`` file, by TensorFlow's own converter from the frozen graph."""

import math
from pathlib import Path
from typing import Any

from loadscope.errors import InputError
from loadscope.files import replacing
from loadscope.tools.convert.graph import Graph, read_graph
from loadscope.tools.convert.simplify import simplify
from loadscope.tools.convert.tensorflow_emitter import TensorFlowEmitter, public_name
from loadscope.tools.convert.tensorflow_graph import definition_of
from loadscope.tools.convert.tensorflow_import import tf


class LiteRtEmitter(TensorFlowEmitter):
    """A TensorFlow graph in the forms that LiteRT has kernels for."""

    target = "LiteRT"

    def gelu(self, x: Any) -> Any:
        """GELU as the converter recognises it; it has no kernel for the error function alone."""
        return 0.5 * x * (1.0 + tf.math.erf(x / math.sqrt(2)))

    def max_pool(self, image: Any, kernel: list[int], strides: list[int], padding: Any) -> Any:
        """A maximum whose explicit padding is an operator of its own."""
        if isinstance(padding, list):
            image, padding = (
                tf.raw_ops.PadV2(input=image, paddings=padding, constant_values=-math.inf),
                "VALID",
            )
        return super().max_pool(image, kernel, strides, padding)


def convert(source: Path, output: Path) -> None:
    """Write a ``.tflite`` file that computes in float32 what an ONNX file does.

    Image inputs (four axes) take channels last; every other tensor keeps its axes. Names of
    inputs and outputs are those of the ONNX file, in the signature ``serving_default``.

    Args:
        source: The ONNX file.
        output: The ``.tflite`` file.

    Raises:
        InputError: The file is not usable, or has an operator that is not converted here, or one
            that LiteRT lacks; the message names operator and node.
    """
    graph = read_graph(source)
    simplify(graph)
    converter = converter_of(graph)
    try:
        content = converter.convert()
    except Exception as error:
        raise InputError(
            f"{source}: TensorFlow {tf.__version__} makes no .tflite of it: {_line(error)}",
            "export the model without that operator, or use another framework",
        ) from error
    with replacing(output) as temporary:
        temporary.write_bytes(content)


def converter_of(graph: Graph) -> Any:
    """TensorFlow's converter of a graph, for more to be asked of it (int8).

    Args:
        graph: What is converted, simplified.
    """
    definition = definition_of(graph, LiteRtEmitter)
    whole = tf.compat.v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(definition, name=""), []
    )
    inputs, outputs = (
        [whole.graph.get_tensor_by_name(f"{public_name(graph, name)}:0") for name in names]
        for names in (graph.inputs, graph.outputs)
    )
    return tf.lite.TFLiteConverter.from_concrete_functions([whole.prune(inputs, outputs)])


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
