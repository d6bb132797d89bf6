"""An ONNX file as what JAX's operators are called with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper

from loadscope.errors import InputError
from loadscope.sut.jax.operators import OPERATORS, Unsupported

OPSETS = range(11, 24)
"""The versions of ONNX's operators whose forms are known."""


@dataclass(frozen=True)
class Node:
    """An operator.

    Attributes:
        name: Its name, or its first output's where it has none.
        op: ONNX's name of the operator.
        inputs: Names of tensors; one that is left out is empty.
        outputs: Names of tensors.
        attributes: By name.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Tensor:
    """A declared input or output: numpy's name of its type, and sizes; None for an open one."""

    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Graph:
    """An ONNX file.

    Attributes:
        path: The file, for messages.
        opset: The version of the operators.
        nodes: In an order in which they can run.
        weights: Constants by name.
        inputs: What is fed.
        outputs: What is answered.
    """

    path: Path
    opset: int
    nodes: tuple[Node, ...]
    weights: dict[str, NDArray[Any]]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    def step(self, node: Node, *values: Any) -> tuple[Any, ...]:
        """One operator's results.

        Values that are known without running the model, such as shapes, are numpy's, and so are
        results of those alone.

        Raises:
            InputError: A form of the operator that is not known here.
        """
        try:
            found = OPERATORS[node.op](node.attributes, self.opset, len(node.outputs), *values)
        except Unsupported as error:
            raise InputError(
                f"{self.path}: node '{node.name}' is a {node.op} {error}, which is not known here",
                "export the model without it, or use another framework",
            ) from error
        except (TypeError, ValueError, IndexError, jax.errors.JAXTypeError) as error:
            line = str(error).strip().splitlines()[0][:200]
            raise InputError(
                f"{self.path}: node '{node.name}' ({node.op}) cannot be run in JAX: {line}",
                "correct inputs in the model's manifest, or use another framework",
            ) from error
        return found if isinstance(found, tuple) else (found,)

    def run(
        self,
        values: dict[str, Any],
        step: Callable[[Node, tuple[Any, ...]], tuple[Any, ...]] | None = None,
    ) -> dict[str, Any]:
        """The outputs.

        Args:
            values: Weights and inputs by name; filled with what is computed.
            step: What runs an operator; None for the named step of ``step``.
        """
        for node in self.nodes:
            given = tuple(values[name] if name else None for name in node.inputs)
            if step is not None:
                found = step(node, given)
            else:
                with jax.named_scope(node.name):
                    found = self.step(node, *given)
            values.update(zip(node.outputs, found, strict=False))
        return {name: values[name] for name in self.outputs}


def read_graph(path: Path) -> Graph:
    """Read an ONNX file.

    Raises:
        InputError: It is unusable, or has an operator that is not known here; the message names
            operator and node.
    """
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, OSError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"JAX: cannot load {path} as ONNX: {said}",
            "fetch it again, or correct source and format in the model's manifest",
        ) from error
    opset = 0
    for each in model.opset_import:
        if each.domain not in ("", "ai.onnx") or each.version not in OPSETS:
            raise InputError(
                f"{path} uses operators of '{each.domain or 'ai.onnx'}' version {each.version}",
                f"export it with ai.onnx version {OPSETS[0]} to {OPSETS[-1]}",
            )
        opset = each.version
    weights = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    nodes = []
    for item in model.graph.node:
        node = _node(item)
        if node.op == "Constant" and "value" in node.attributes:
            weights[node.outputs[0]] = node.attributes["value"]
            continue
        if node.op not in OPERATORS:
            raise InputError(
                f"{path}: node '{node.name}' is a {node.op}, which is not known to JAX here",
                f"known are: {', '.join(sorted(OPERATORS))}",
            )
        nodes.append(node)
    return Graph(
        path,
        opset,
        tuple(nodes),
        weights,
        {one.name: _tensor(one) for one in model.graph.input if one.name not in weights},
        {one.name: _tensor(one) for one in model.graph.output},
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
    name = item.name or item.output[0]
    return Node(name, item.op_type, tuple(item.input), tuple(item.output), attributes)


def _tensor(item: onnx.ValueInfoProto) -> Tensor:
    kind = item.type.tensor_type
    return Tensor(
        np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)).name,
        tuple(size.dim_value or None for size in kind.shape.dim),
    )
