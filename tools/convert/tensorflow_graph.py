"""ONNX to a TensorFlow frozen graph of native operators, images with channels last."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.files import replacing
from loadscope.tools.convert.graph import Dimension, Graph, Node, read_graph
from loadscope.tools.convert.simplify import simplify

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import tensorflow as tf

Handler = Callable[["Emitter", Node], None]

HANDLERS: dict[str, Handler] = {}
"""How each ONNX operator becomes TensorFlow's; filled by ``tensorflow_ops``."""


def handles(*ops: str) -> Callable[[Handler], Handler]:
    """Register a function as the one that writes these ONNX operators."""

    def register(handler: Handler) -> Handler:
        for op in ops:
            if op in HANDLERS:
                raise RuntimeError(f"{op} is handled twice")
            HANDLERS[op] = handler
        return handler

    return register


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
    from loadscope.tools.convert import tensorflow_ops  # noqa: F401  (fills HANDLERS)

    graph = read_graph(source)
    simplify(graph)
    definition = _definition(graph)
    with replacing(output) as temporary:
        temporary.write_bytes(definition.SerializeToString(deterministic=True))


def _definition(graph: Graph) -> Any:
    with tf.Graph().as_default() as written:
        emitter = Emitter(graph)
        for node in graph.nodes:
            handler = HANDLERS.get(node.op)
            if handler is None:
                raise InputError(
                    f"{graph.path}: node '{node.name}' is a {node.op}, which is not converted to "
                    "TensorFlow",
                    f"converted are: {', '.join(sorted(HANDLERS))}",
                )
            with tf.name_scope(_scope(node.name)):
                handler(emitter, node)
        for name in graph.outputs:
            tf.identity(emitter.plain(name), name=_public(graph, name))
    return written.as_graph_def()


def _scope(name: str) -> str:
    """A node's name in the characters that TensorFlow allows, apart from the outputs' names."""
    return f"nodes/{re.sub('[^A-Za-z0-9]', '_', name)}"


def _public(graph: Graph, name: str) -> str:
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


class Emitter:
    """The graph while it is written: TensorFlow's tensors by ONNX's names.

    A tensor of three axes or more may be held with its second axis, the channels, moved to
    the end; the handlers ask for the order that they need.

    Args:
        graph: What is converted.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._plain: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self._flat: dict[str, Any] = {}
        self._sizes: dict[Dimension, Any] = {}
        for name in graph.inputs:
            value = graph.values[name]
            shape = [size if isinstance(size, int) else None for size in value.shape]
            if len(shape) == 4:
                shape = [shape[0], *shape[2:], shape[1]]
            fed = tf.compat.v1.placeholder(value.dtype, shape, name=_public(graph, name))
            (self._last if len(shape) == 4 else self._plain)[name] = fed

    def constant(self, name: str) -> NDArray[Any] | None:
        """A tensor's values where they are constant."""
        return self.graph.constants.get(name)

    def required_constant(self, node: Node, index: int) -> NDArray[Any]:
        """The values of an input that must be constant.

        Raises:
            InputError: They are known only at run time.
        """
        name = node.input(index)
        if name not in self.graph.constants:
            raise InputError(
                f"{self.graph.path}: input '{name}' of {node.op} '{node.name}' is not constant",
                "simplify the graph before it is converted",
            )
        return self.graph.constants[name]

    def refuse(self, node: Node, what: str) -> InputError:
        """The error for a form of an operator that is not converted."""
        return InputError(
            f"{self.graph.path}: {node.op} '{node.name}' {what}, which is not converted to "
            "TensorFlow",
            "export the model without it",
        )

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
