"""ONNX to a file of MNN's by its own converter."""

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import helper, numpy_helper

from loadscope.errors import InputError, WorkError
from loadscope.files import replacing
from loadscope.sut.mnn.mnn_import import MNN
from loadscope.sut.tracing.onednn import captured
from loadscope.tools.convert.graph import load_with_free_batch

with captured():
    # It says a line on standard output while it is imported.
    import _tools

_LACKS = "These Op Not Support:"


def convert(source: Path, output: Path) -> None:
    """Write what an ONNX file computes as a file of MNN's, under the same names of tensors.

    The converter (3.6) makes of every GELU its approximation by the hyperbolic tangent, which is
    off by up to 4.7e-4; here it is written by the error function, in a form that the converter
    does not recognise.

    Args:
        source: The ONNX file; a batch size that is fixed at 1 is freed.
        output: The ``.mnn`` file.

    Raises:
        InputError: The file is not usable, or has an operator that MNN lacks; the message names
            operator and node.
        WorkError: The converter fails.
    """
    model = load_with_free_batch(source)
    _make_exact(model.graph)
    with replacing(output) as temporary, tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "model.onnx"
        onnx.save(model, written)
        arguments = ["mnnconvert", "-f", "ONNX", "--modelFile", str(written)]
        # Its command line would install a package that tells its maker of each use.
        with captured() as said:
            _tools.mnnconvert([*arguments, "--MNNModel", str(temporary), "--bizCode", "loadscope"])
        if not temporary.stat().st_size:
            raise _failure(source, model.graph, said)


def _make_exact(graph: onnx.GraphProto) -> None:
    """Write what the converter would approximate in a form that it takes as it is."""
    ones, numbers = _ones(graph), _Numbers()
    errors: set[str] = set()
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "Erf":
            errors.add(node.output[0])
        if node.op_type == "Gelu" and not any(one.s == b"tanh" for one in node.attribute):
            nodes += _gelu(node, numbers)
        elif node.op_type == "Add" and set(node.input) & errors and set(node.input) & ones:
            # Of erf + 1 it makes a GELU; erf - (-1) is the same number.
            (erf,) = set(node.input) & errors
            inputs = [erf, numbers(-1.0)]
            nodes.append(helper.make_node("Sub", inputs, node.output, name=node.name))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numbers.made.values())


def _gelu(node: onnx.NodeProto, number: "_Numbers") -> Iterator[onnx.NodeProto]:
    """The operators of x / 2 (erf(x / sqrt 2) + 1)."""
    (x,), (result,) = node.input, node.output
    scaled, erf, more, half = (f"{result}/{part}" for part in ("scaled", "erf", "more", "half"))
    yield helper.make_node("Mul", [x, number(0.5**0.5)], [scaled], name=scaled)
    yield helper.make_node("Erf", [scaled], [erf], name=erf)
    yield helper.make_node("Sub", [erf, number(-1.0)], [more], name=more)
    yield helper.make_node("Mul", [x, number(0.5)], [half], name=half)
    yield helper.make_node("Mul", [half, more], [result], name=node.name)


class _Numbers:
    """Constants that are made when they are first asked for, by their names."""

    def __init__(self) -> None:
        self.made: dict[str, onnx.TensorProto] = {}

    def __call__(self, value: float) -> str:
        name = f"loadscope/{value}"
        self.made[name] = helper.make_tensor(name, onnx.TensorProto.FLOAT, [], [value])
        return name


def _ones(graph: onnx.GraphProto) -> set[str]:
    """The names of the constants that are the number 1."""
    tensors = [(one.name, one) for one in graph.initializer]
    tensors += [
        (node.output[0], attribute.t)
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    ]
    return {
        name
        for name, tensor in tensors
        if tensor.data_type == onnx.TensorProto.FLOAT
        and math.prod(tensor.dims) == 1
        and numpy_helper.to_array(tensor).item() == 1
    }


def _failure(path: Path, graph: onnx.GraphProto, said: list[str]) -> InputError | WorkError:
    for line in said:
        _, lacks, names = line.partition(_LACKS)
        operators = [name.rpartition("::")[2] for name in names.split()]
        for node in graph.node if lacks else ():
            if node.op_type in operators:
                return InputError(
                    f"{path}: node '{node.name or node.output[0]}' is a {node.op_type}, which MNN "
                    f"{MNN.version()} does not have",
                    "export the model without it, or use another framework",
                )
    last = next((line for line in reversed(said) if line.strip()), "nothing said")
    return WorkError(f"MNN {MNN.version()} cannot convert {path}: {last.strip()[:300]}")
