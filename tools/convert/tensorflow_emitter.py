"""A graph while it is written: TensorFlow's tensors by ONNX's names."""

import math
import re
from typing import Any

import numpy as np

from loadscope.errors import InputError
from loadscope.tools.convert.emitter import Emitter, Handlers
from loadscope.tools.convert.graph import Dimension, Graph, Node
from loadscope.tools.convert.tensorflow_import import tf


def public_name(graph: Graph, name: str) -> str:
    """The name of an input or output, which is kept.

    Raises:
        InputError: TensorFlow allows no such name.
    """
    # ONNX files that were made from TensorFlow's have positions in their names.
    kept = name.removesuffix(":0")
    if not re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", kept):
        raise InputError(
            f"{graph.path}: '{name}' cannot be the name of a tensor in TensorFlow",
            "give inputs and outputs names of letters, digits, _, . and -",
        )
    return kept


class TensorFlowEmitter(Emitter):
    """The graph while it is written: TensorFlow's tensors by ONNX's names.

    A tensor of three axes or more may be held with its second axis, the channels, moved to
    the end; the handlers ask for the order that they need.

    Args:
        graph: What is converted.
    """

    target = "TensorFlow"

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self._plain: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self._flat: dict[str, Any] = {}
        self._sizes: dict[Dimension, Any] = {}
        for name in graph.inputs:
            value = graph.values[name]
            shape = [size if isinstance(size, int) else None for size in value.shape]
            if len(shape) == 4:
                shape = [shape[0], *shape[2:], shape[1]]
            fed = tf.compat.v1.placeholder(value.dtype, shape, name=public_name(graph, name))
            (self._last if len(shape) == 4 else self._plain)[name] = fed

    def plain(self, name: str) -> Any:
        """A tensor with its axes in ONNX's order."""
        if name not in self._plain:
            array = self.constant(name)
            if array is not None:
                self._plain[name] = tf.constant(array)
            else:
                held = self._last[name]
                axes = [0, held.shape.rank - 1, *range(1, held.shape.rank - 1)]
                self._plain[name] = tf.transpose(held, axes)
        return self._plain[name]

    def last(self, name: str) -> Any:
        """A tensor with channels last."""
        if name not in self._last:
            array = self.constant(name)
            if array is not None:
                self._last[name] = tf.constant(np.moveaxis(array, 1, -1))
            else:
                held = self._plain[name]
                self._last[name] = tf.transpose(held, [0, *range(2, held.shape.rank), 1])
        return self._last[name]

    def is_last(self, name: str) -> bool:
        """Whether a tensor is held with channels last and not otherwise."""
        return name in self._last and name not in self._plain

    def put(self, node: Node, tensor: Any, last: bool = False, index: int = 0) -> None:
        """Keep a node's result."""
        (self._last if last else self._plain)[node.outputs[index]] = tensor

    def put_flat(self, node: Node, tensor: Any) -> None:
        """Keep a node's result with all axes but the last as one, beside its own form."""
        self._flat[node.outputs[0]] = tensor

    def flat(self, name: str) -> Any | None:
        """What ``put_flat`` kept."""
        return self._flat.get(name)

    def gelu(self, x: Any) -> Any:
        """GELU of a tensor, by the error function."""
        # In this order of factors TensorFlow joins it with the product before it; in that of its
        # own tf.nn.gelu it does not.
        return tf.multiply((tf.math.erf(x * math.sqrt(0.5)) + 1.0) * 0.5, x)

    def max_pool(self, image: Any, kernel: list[int], strides: list[int], padding: Any) -> Any:
        """The largest values in windows of an image with channels last.

        Args:
            image: The image.
            kernel: Height and width of a window.
            strides: Its steps.
            padding: As ``tf.nn.max_pool2d`` takes it.
        """
        return tf.nn.max_pool2d(image, kernel, strides, padding)

    def sizes(self, name: str) -> list[Any]:
        """A tensor's sizes, each an integer or, where it varies, a scalar tensor."""
        return [
            size if isinstance(size, int) else self._varying(name, axis, size)
            for axis, size in enumerate(self.graph.shape(name))
        ]

    def _varying(self, name: str, axis: int, size: Dimension) -> Any:
        """A size that is known at run time: read from an input of the graph that has it."""
        if axis == 0:
            # Inference loses the name of the batch axis in some operators, never the axis.
            size = self.graph.shape(self.graph.inputs[0])[0]
        if size not in self._sizes:
            self._sizes[size] = self._read_size(name, size)
        return self._sizes[size]

    def _read_size(self, name: str, size: Dimension) -> Any:
        for given in self.graph.inputs:
            shape = self.graph.shape(given)
            # Of an image only the batch may vary, which is first in either order.
            if size in (shape[:1] if given in self._last else shape):
                held = self._last.get(given, self._plain.get(given))
                return tf.shape(held)[shape.index(size)]
        raise InputError(
            f"{self.graph.path}: size '{size}' of '{name}' follows from no input's shape",
            "export the model with fixed sizes",
        )


handles: Handlers[TensorFlowEmitter] = Handlers("TensorFlow")
