"""From a model of TensorFlow.js to ONNX, with a free batch axis.

What keeps channels last in TensorFlow is put between transpositions; one that undoes the one
before is left out, which is most of them where the graph came from ONNX in the first place.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from loadscope.errors import InputError
from loadscope.files import replacing
from loadscope.tools.convert.tfjs import (
    TfjsGraph,
    TfjsNode,
    read_model_json,
    read_tfjs,
    read_weights,
)
from loadscope.tools.convert.tfjs_layers import layers_model

_OPSET, _IR = 18, 8
_TO_FIRST, _TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def convert(model: Path, output: Path) -> None:
    """Write a graph model, or a layers model, as an ONNX file.

    Args:
        model: Its ``model.json``, with the weights beside it.
        output: The file.

    Raises:
        InputError: The model cannot be read, or has an operator, or a form of one, that is not
            known here; the message names the node.
    """
    whole = read_model_json(model)
    if whole.get("format") == "layers-model":
        made = layers_model(model, whole, read_weights(model, whole))
    else:
        emitter = _Emitter(read_tfjs(model, whole))
        for node in emitter.graph.nodes:
            emitter.emit(node)
        made = emitter.model(model.stem)
    onnx.checker.check_model(made, full_check=True)
    with replacing(output) as temporary:
        onnx.save(made, str(temporary))


class _Emitter:
    def __init__(self, graph: TfjsGraph) -> None:
        self.graph = graph
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._names: dict[str, str] = {name: name for name in graph.inputs}
        self._turned: dict[str, tuple[str, tuple[int, ...]]] = {}
        self._padded: dict[str, tuple[str, NDArray[np.int64], float]] = {}

    def emit(self, node: TfjsNode) -> None:
        if node.op != "Placeholder":
            write = _OPERATORS.get(node.op)
            if write is None:
                raise self.refuse(node, f"is no operator known here: {', '.join(_OPERATORS)}")
            write(self, node)

    def refuse(self, node: TfjsNode, why: str) -> InputError:
        return InputError(
            f"{self.graph.path}: {node.op} '{node.name}' {why}", "give another export of the model"
        )

    def array(self, node: TfjsNode, at: int) -> NDArray[Any]:
        """An input that must be constant."""
        name = node.inputs[at]
        if name not in self.graph.constants:
            raise self.refuse(node, f"has an input {at} that is not constant")
        return self.graph.constants[name]

    def tensor(self, name: str) -> str:
        """The ONNX tensor of a tensor of the graph."""
        if name in self._names:
            return self._names[name]
        return self.constant(name, self.graph.constants[name])

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def add(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def put(self, node: TfjsNode, tensor: str, output: int = 0) -> None:
        self._names[f"{node.name}:{output}" if output else node.name] = tensor

    def transposed(self, source: str, perm: tuple[int, ...], name: str) -> str:
        """A transposition, made one with the transposition before it."""
        before, first = self._turned.get(source, (source, tuple(range(len(perm)))))
        together = tuple(first[axis] for axis in perm)
        if together == tuple(range(len(perm))):
            return before
        self.add("Transpose", [before], name, perm=list(together))
        self._turned[name] = before, together
        return name

    def first(self, node: TfjsNode) -> str:
        """The first input with channels before height and width."""
        return self.transposed(self.tensor(node.inputs[0]), _TO_FIRST, f"{node.name}/first")

    def windowed(self, node: TfjsNode, rest: float) -> tuple[str, dict[str, Any]]:
        """What convolutions and poolings have in common.

        Args:
            node: One of them.
            rest: What lies outside an image for it.

        Returns:
            Its image, channels first, without a padding that can be its own; and attributes.
        """
        if node.text("data_format") != "NHWC":
            raise self.refuse(node, f"has the data format {node.text('data_format')}, not NHWC")
        padding, image = node.text("padding"), self.first(node)
        if padding not in ("VALID", "SAME"):
            raise self.refuse(node, f"has the padding {padding}")
        attributes: dict[str, Any] = {"strides": node.numbers("strides")[1:3]}
        if padding == "SAME":
            return image, {**attributes, "auto_pad": "SAME_UPPER"}
        source, amounts, value = self._padded.get(image, (image, np.zeros((4, 2), np.int64), rest))
        if value == rest and not amounts[:2].any():
            image, attributes["pads"] = source, amounts[2:].T.ravel().tolist()
        return image, attributes

    def padded(self, node: TfjsNode, source: str, amounts: NDArray[np.int64], value: float) -> None:
        """Pad a tensor: ``amounts`` before and after, for each axis."""
        name = f"{node.name}/pad"
        inputs = [
            source,
            self.constant(f"{node.name}/amounts", amounts.T.ravel()),
            self.constant(f"{node.name}/value", np.array(value, np.float32)),
        ]
        self.put(node, self.add("Pad", inputs, name))
        self._padded[name] = source, amounts, value

    def last(self, node: TfjsNode, tensor: str) -> None:
        """Give a node's answer out with channels last, as the graph has it."""
        self.put(node, self.transposed(tensor, _TO_LAST, f"{node.name}/last"))

    def model(self, name: str) -> Any:
        for output, tensor in self.graph.outputs.items():
            self._give_out(self.tensor(tensor), output)
        inputs = [
            helper.make_tensor_value_info(each, TensorProto.FLOAT, ["batch", *shape[1:]])
            for each, shape in self.graph.inputs.items()
        ]
        outputs = [
            helper.make_tensor_value_info(each, TensorProto.FLOAT, None)
            for each in self.graph.outputs
        ]
        used = set(self.graph.outputs)
        nodes: list[Any] = []
        for node in reversed(self._nodes):
            # Transpositions that another undid are left over.
            if used.intersection(node.output):
                used.update(node.input)
                nodes.insert(0, node)
        kept = [value for each, value in self._constants.items() if each in used]
        graph = helper.make_graph(nodes, name, inputs, outputs, kept)
        opset = [helper.make_opsetid("", _OPSET)]
        made = helper.make_model(graph, opset_imports=opset, ir_version=_IR)
        return onnx.shape_inference.infer_shapes(made, strict_mode=True)

    def _give_out(self, tensor: str, output: str) -> None:
        """Call a tensor by an output's name, or copy it where it is called something already."""
        maker = next((node for node in self._nodes if tensor in node.output), None)
        if maker is None or tensor in self.graph.outputs:
            self.add("Identity", [tensor], output)
            return
        maker.output[:] = [output if name == tensor else name for name in maker.output]
        for node in self._nodes:
            node.input[:] = [output if name == tensor else name for name in node.input]


def _conv(emitter: _Emitter, node: TfjsNode) -> None:
    # TensorFlow has height, width, inputs, outputs.
    kernel = emitter.array(node, 1).astype(np.float32).transpose(3, 2, 0, 1)
    weights = emitter.constant(f"{node.name}/kernel", kernel)
    dilations = node.numbers("dilations")[1:3] or [1, 1]
    image, attributes = emitter.windowed(node, 0.0)
    found = emitter.add(
        "Conv", [image, weights], f"{node.name}/conv",
        kernel_shape=list(kernel.shape[2:]), dilations=dilations, **attributes,
    )  # fmt: skip
    emitter.last(node, found)


def _max_pool(emitter: _Emitter, node: TfjsNode) -> None:
    image, attributes = emitter.windowed(node, -np.inf)
    found = emitter.add(
        "MaxPool", [image], f"{node.name}/pool", kernel_shape=node.numbers("ksize")[1:3],
        **attributes,
    )  # fmt: skip
    emitter.last(node, found)


def _resize(emitter: _Emitter, node: TfjsNode) -> None:
    source = emitter.first(node)
    height, width = emitter.array(node, 1).tolist()
    mode = "half_pixel" if node.flag("half_pixel_centers") else "asymmetric"
    if node.flag("align_corners"):
        mode = "align_corners"
    # The batch is taken as it comes: the sizes of the last two axes alone are given.
    sizes = emitter.constant(f"{node.name}/sizes", np.array([height, width], np.int64))
    found = emitter.add(
        "Resize", [source, "", "", sizes], f"{node.name}/resize", mode="linear", axes=[2, 3],
        coordinate_transformation_mode=mode,
    )  # fmt: skip
    emitter.last(node, found)


def _pad(emitter: _Emitter, node: TfjsNode) -> None:
    value = float(emitter.array(node, 2)) if node.op == "PadV2" else 0.0
    amounts = emitter.array(node, 1).astype(np.int64)
    emitter.padded(node, emitter.tensor(node.inputs[0]), amounts, value)


def _transpose(emitter: _Emitter, node: TfjsNode) -> None:
    perm = tuple(emitter.array(node, 1).tolist())
    emitter.put(node, emitter.transposed(emitter.tensor(node.inputs[0]), perm, f"{node.name}/t"))


def _concat(emitter: _Emitter, node: TfjsNode) -> None:
    axis = int(emitter.array(node, len(node.inputs) - 1))
    inputs = [emitter.tensor(name) for name in node.inputs[:-1]]
    emitter.put(node, emitter.add("Concat", inputs, f"{node.name}/concat", axis=axis))


def _split(emitter: _Emitter, node: TfjsNode) -> None:
    sizes, axis = emitter.array(node, 1).tolist(), int(emitter.array(node, 2))
    source, start = emitter.tensor(node.inputs[0]), 0
    for output, size in enumerate(sizes):
        name = f"{node.name}/part{output}"
        ends = [
            emitter.constant(f"{name}/{word}", np.array([value], np.int64))
            for word, value in (("start", start), ("end", start + size), ("axis", axis))
        ]
        emitter.put(node, emitter.add("Slice", [source, *ends], name), output)
        start += size


def _reshape(emitter: _Emitter, node: TfjsNode) -> None:
    shape = emitter.array(node, 1).astype(np.int64).copy()
    if shape[0] not in (1, -1):
        raise emitter.refuse(node, f"changes the batch axis: {shape.tolist()}")
    # 0 keeps the size that comes.
    shape[0] = 0
    inputs = [emitter.tensor(node.inputs[0]), emitter.constant(f"{node.name}/shape", shape)]
    emitter.put(node, emitter.add("Reshape", inputs, f"{node.name}/reshape"))


def _plain(op: str, **attributes: str) -> Callable[[_Emitter, TfjsNode], None]:
    def write(emitter: _Emitter, node: TfjsNode) -> None:
        inputs = [emitter.tensor(name) for name in node.inputs]
        given = {key: float(node.attributes[name]["f"]) for key, name in attributes.items()}
        emitter.put(node, emitter.add(op, inputs, f"{node.name}/{op}", **given))

    return write


_OPERATORS: dict[str, Callable[[_Emitter, TfjsNode], None]] = {
    "Add": _plain("Add"),
    "AddV2": _plain("Add"),
    "ConcatV2": _concat,
    "Conv2D": _conv,
    "Identity": lambda emitter, node: emitter.put(node, emitter.tensor(node.inputs[0])),
    "LeakyRelu": _plain("LeakyRelu", alpha="alpha"),
    "MaxPool": _max_pool,
    "Pad": _pad,
    "PadV2": _pad,
    "Relu": _plain("Relu"),
    "Reshape": _reshape,
    "ResizeBilinear": _resize,
    "Sigmoid": _plain("Sigmoid"),
    "SplitV": _split,
    "Transpose": _transpose,
}
