"""An ONNX file in the form that the converters read: constants apart, shapes known."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from loadscope.errors import InputError

OPSETS = range(11, 24)
"""The versions of ONNX's operators whose forms the converters know."""

Dimension = int | str
"""A size, or the name of one that is known only at run time."""


@dataclass(frozen=True)
class Node:
    """One operator of a graph.

    Attributes:
        name: Its name, or its first output's where it has none.
        op: ONNX's name of the operator (``Conv``).
        inputs: Names of tensors; an input that is left out is empty.
        outputs: Names of tensors.
        attributes: Numbers, lists, strings and arrays by name.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    def input(self, index: int) -> str:
        """An input's name, empty where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""


@dataclass(frozen=True)
class Value:
    """What is known of a tensor: its numpy type name and its shape."""

    dtype: str
    shape: tuple[Dimension, ...]


@dataclass
class Graph:
    """A graph whose first axis is the batch.

    Attributes:
        path: The file, for messages.
        nodes: The operators in an order in which they can run.
        constants: Arrays by name: weights and everything that follows from them alone.
        values: Type and shape of each tensor that inference could tell.
        inputs: Names of the tensors to feed.
        outputs: Names of the results.
    """

    path: Path
    nodes: list[Node]
    constants: dict[str, NDArray[Any]]
    values: dict[str, Value]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def shape(self, name: str) -> tuple[Dimension, ...]:
        """A tensor's shape.

        Raises:
            InputError: ONNX's shape inference cannot tell it.
        """
        if name in self.constants:
            return self.constants[name].shape
        if name not in self.values:
            raise InputError(
                f"{self.path}: the shape of '{name}' is not known",
                "simplify the graph before it is converted",
            )
        return self.values[name].shape

    def rank(self, name: str) -> int:
        """How many axes a tensor has."""
        return len(self.shape(name))

    def sizes(self, name: str, axes: slice) -> tuple[int, ...]:
        """Some of a tensor's sizes, which must be fixed.

        Raises:
            InputError: One of them is known only at run time.
        """
        found = self.shape(name)[axes]
        if not all(isinstance(size, int) for size in found):
            raise InputError(
                f"{self.path}: '{name}' has the sizes {list(found)}, which must be fixed",
                "export the model with fixed sizes behind the batch axis",
            )
        return tuple(int(size) for size in found)


def read_graph(path: Path) -> Graph:
    """Read an ONNX file, let its batch axis vary, and fold its constants.

    Raises:
        InputError: It is not ONNX, uses operators of a version or domain that is not known, or
            its shapes contradict one another.
    """
    model = load_with_free_batch(path)
    _name_cut_sizes(model.graph)
    try:
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise InputError(
            f"{path}: the shapes do not fit together: {str(error).strip().splitlines()[0]}",
            "export the model again",
        ) from error
    constants = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    nodes = _folded([_node(item) for item in model.graph.node], model, constants)
    return Graph(
        path,
        nodes,
        constants,
        _values(model.graph),
        tuple(item.name for item in model.graph.input if item.name not in constants),
        tuple(item.name for item in model.graph.output),
    )


def load_with_free_batch(path: Path) -> onnx.ModelProto:
    """Load an ONNX file and let its batch axis vary.

    Raises:
        InputError: It is not ONNX, or uses operators of a version or domain that is not known.
    """
    model = _load(path)
    # Shapes that a file brings along can hide what inference finds out by itself.
    del model.graph.value_info[:]
    _vary_batch(model.graph)
    return model


def _load(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise InputError(f"{path} is not usable ONNX: {error}", "fetch it again") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "fetch it again") from error
    for opset in model.opset_import:
        if opset.domain not in ("", "ai.onnx") or opset.version not in OPSETS:
            raise InputError(
                f"{path} uses operators of '{opset.domain or 'ai.onnx'}' version {opset.version}",
                f"export it with ai.onnx version {OPSETS[0]} to {OPSETS[-1]}",
            )
    return model


def _vary_batch(graph: onnx.GraphProto) -> None:
    """Free a batch size that is fixed at 1, in the declarations and in every Reshape."""
    weights = {item.name: item for item in graph.initializer}
    inputs = [item for item in graph.input if item.name not in weights]
    leading = [item.type.tensor_type.shape.dim[0] for item in inputs]
    if not all(size.dim_value == 1 for size in leading):
        return
    outputs = [item.type.tensor_type.shape.dim[0] for item in graph.output]
    for size in [*leading, *outputs]:
        size.dim_param = "batch"
    for node in graph.node:
        target = weights.get(node.input[1]) if node.op_type == "Reshape" else None
        if target is not None:
            shape = numpy_helper.to_array(target).copy()
            if shape.size and shape[0] == 1:
                # In a Reshape, zero keeps the size of the input's axis.
                shape[0] = 0
                target.CopyFrom(numpy_helper.from_array(shape, target.name))


def _name_cut_sizes(graph: onnx.GraphProto) -> None:
    """Note the shape of a table cut to an input's size, which inference does not follow."""
    tables = {item.name: item for item in graph.initializer}
    given = {item.name: item.type.tensor_type.shape.dim for item in graph.input}
    makers = {item.output[0]: item for item in graph.node}
    for node in graph.node:
        size = makers.get(node.input[2]) if node.op_type == "Slice" else None
        if size is None or size.op_type != "Shape" or size.input[0] not in given:
            continue
        table = tables.get(node.input[0])
        start = next((item.i for item in size.attribute if item.name == "start"), 0)
        if table is not None and table.dims:
            name = given[size.input[0]][start].dim_param
            graph.value_info.append(
                onnx.helper.make_tensor_value_info(
                    node.output[0], table.data_type, [name, *table.dims[1:]]
                )
            )


def _node(item: onnx.NodeProto) -> Node:
    attributes = {}
    for attribute in item.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode()
        elif isinstance(value, onnx.TensorProto):
            value = numpy_helper.to_array(value)
        attributes[attribute.name] = value
    return Node(
        item.name or item.output[0],
        item.op_type,
        tuple(item.input),
        tuple(item.output),
        attributes,
    )


def _folded(
    nodes: list[Node], model: onnx.ModelProto, constants: dict[str, NDArray[Any]]
) -> list[Node]:
    """Evaluate what depends on constants alone, and drop what only names a tensor again."""
    protos = {item.output[0]: item for item in model.graph.node}
    same: dict[str, str] = {}
    left = []
    for node in nodes:
        inputs = tuple(same.get(name, name) for name in node.inputs)
        if node.op in ("Identity", "Dropout") and node.outputs[0] not in _results(model):
            same[node.outputs[0]] = inputs[0]
        elif all(name in constants for name in inputs if name):
            proto = protos[node.outputs[0]]
            feeds = {
                given: constants[name] for given, name in zip(proto.input, inputs, strict=True)
            }
            feeds.pop("", None)
            opset = model.opset_import[0].version
            found = ReferenceEvaluator(proto, opsets={"": opset}).run(None, feeds)
            constants.update(zip(node.outputs, map(np.asarray, found), strict=True))
        else:
            left.append(replace(node, inputs=inputs))
    return left


def _results(model: onnx.ModelProto) -> set[str]:
    return {item.name for item in model.graph.output}


def _values(graph: onnx.GraphProto) -> dict[str, Value]:
    found = {}
    for item in (*graph.input, *graph.output, *graph.value_info):
        tensor = item.type.tensor_type
        if tensor.HasField("shape"):
            # A size without a value or a name is unlike every other one.
            shape = tuple(
                size.dim_value if size.HasField("dim_value") else size.dim_param or f"?{item.name}"
                for size in tensor.shape.dim
            )
            dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
            found[item.name] = Value(np.dtype(dtype).name, shape)
    return found


def is_whole(graph: Graph, node: Node) -> bool:
    """Whether a ``Resize`` ends at its image's edge, where the frameworks' own end.

    Scales that leave a part of a pixel over, such as a half of 9, do not.
    """
    scales = graph.constants.get(node.input(2))
    if scales is None or not scales.size:
        return True
    before, after = (
        graph.sizes(name, slice(2, None)) for name in (node.inputs[0], node.outputs[0])
    )
    return all(
        size * scale == found
        for size, scale, found in zip(before, scales[-2:].tolist(), after, strict=True)
    )
