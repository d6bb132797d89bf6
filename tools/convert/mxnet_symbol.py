"""ONNX to an MXNet symbol of native operators, with its parameters beside it in one archive."""

import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.files import replacing
from loadscope.sut.mxnet.mxnet_import import import_mxnet
from loadscope.tools.convert.graph import Dimension, Graph, Node, read_graph
from loadscope.tools.convert.simplify import simplify

mx = import_mxnet(1)

Handler = Callable[["Emitter", Node], None]

HANDLERS: dict[str, Handler] = {}
"""How each ONNX operator becomes MXNet's; filled by ``mxnet_ops``."""


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
    """Write a symbol and parameters that compute what an ONNX file does.

    Names of inputs and outputs are those of the ONNX file; an output ``x`` is MXNet's
    ``x_output``.

    Args:
        source: The ONNX file.
        output: A zip archive of ``model-symbol.json`` and ``model-0000.params``.

    Raises:
        InputError: The file is not usable, or has an operator that is not converted here; the
            message names operator and node.
    """
    from loadscope.tools.convert import mxnet_ops  # noqa: F401  (fills HANDLERS)

    graph = read_graph(source)
    simplify(graph)
    emitter = Emitter(graph)
    for node in graph.nodes:
        handler = HANDLERS.get(node.op)
        if handler is None:
            raise InputError(
                f"{graph.path}: node '{node.name}' is a {node.op}, which is not converted to MXNet",
                f"converted are: {', '.join(sorted(HANDLERS))}",
            )
        handler(emitter, node)
    results = [mx.sym.identity(emitter.symbol(name), name=name) for name in graph.outputs]
    symbol = mx.sym.Group(results)
    used = set(symbol.list_arguments())
    arrays = {
        f"arg:{name}": mx.nd.array(array, dtype=array.dtype)
        for name, array in emitter.parameters.items()
        if name in used
    }
    with replacing(output) as temporary:
        _pack(temporary, symbol.tojson(), arrays)


def _pack(path: Path, symbol: str, arrays: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        parameters = Path(folder) / "model-0000.params"
        mx.nd.save(str(parameters), arrays)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (
                ("model-symbol.json", io.BytesIO(symbol.encode())),
                (parameters.name, parameters.open("rb")),
            ):
                # A fixed date keeps equal models equal, byte for byte.
                with content, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                    while block := content.read(1 << 20):
                        member.write(block)


class Emitter:
    """The graph while it is written: MXNet's symbols by ONNX's names.

    Args:
        graph: What is converted.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parameters: dict[str, NDArray[Any]] = {}
        self._symbols = {
            name: mx.sym.Variable(name, dtype=graph.values[name].dtype) for name in graph.inputs
        }

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
            f"{self.graph.path}: {node.op} '{node.name}' {what}, which is not converted to MXNet",
            "export the model without it",
        )

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
