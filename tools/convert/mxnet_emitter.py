"""A graph while it is written: MXNet's symbols by ONNX's names."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.sut.mxnet.mxnet_import import import_mxnet
from loadscope.tools.convert.emitter import Emitter, Handlers
from loadscope.tools.convert.graph import Dimension, Graph, Node

mx = import_mxnet(1)


class MxnetEmitter(Emitter):
    """The graph while it is written: MXNet's symbols by ONNX's names.

    Args:
        graph: What is converted.
    """

    target = "MXNet"

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self.parameters: dict[str, NDArray[Any]] = {}
        self._symbols = {
            name: mx.sym.Variable(name, dtype=graph.values[name].dtype) for name in graph.inputs
        }

    def symbol(self, name: str) -> Any:
        """A tensor; a constant becomes a parameter of its name."""
        if name not in self._symbols:
            self._symbols[name] = self.parameter(name, self.graph.constants[name])
        return self._symbols[name]

    def parameter(self, name: str, array: NDArray[Any]) -> Any:
        """A new parameter; float64 and int64 values keep their type."""
        self.parameters[name] = np.ascontiguousarray(array)
        return mx.sym.Variable(name, shape=array.shape, dtype=array.dtype.name)

    def put(self, node: Node, symbol: Any, index: int = 0) -> None:
        """Keep a node's result."""
        self._symbols[node.outputs[index]] = symbol

    def input_with(self, size: Dimension) -> tuple[Any, int] | None:
        """An input of the graph that has a varying size, and the axis where it has it."""
        for given in self.graph.inputs:
            shape = self.graph.shape(given)
            if size in shape:
                return self._symbols[given], shape.index(size)
        return None


handles: Handlers[MxnetEmitter] = Handlers("MXNet")
