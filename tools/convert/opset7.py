"""ONNX for readers of its year 2018: opset 7, IR 3, convolutional networks.

What later opsets moved from attributes to inputs goes back (Clip-6, Pad-2, ReduceMean-1),
attributes that they added go if they say what was so before, and initializers are inputs too, as
IR 3 wants. The definitions are those of ONNX's Changelog.md.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from loadscope.errors import InputError
from loadscope.files import replacing

_OPSET, _IR = 7, 3
_LARGEST = 3.4e38
# Attributes that opset 7 does not have, and the values under which nothing is lost.
_LATER: dict[str, tuple[Any, ...]] = {
    "ceil_mode": (0,),
    "storage_order": (0,),
    "dilations": ([1, 1],),
    "noop_with_empty_axes": (0,),
    "training_mode": (0,),
    "allowzero": (0,),
    "count_include_pad": (0,),
    "auto_pad": (b"NOTSET",),
}
_KEPT = {"Conv": ("dilations",), "ConvTranspose": ("dilations",)}

Node = onnx.NodeProto
_Constants = dict[str, NDArray[Any]]


def write_opset7(source: Path, output: Path) -> None:
    """Write a network again in opset 7.

    Args:
        source: An ONNX file of a later opset.
        output: The file to write.

    Raises:
        InputError: The file is no ONNX, or has an operator that is not known here; the message
            names it and its node.
    """
    try:
        model = onnx.load(source)
    except Exception as error:
        raise InputError(f"{source} is no ONNX file: {error}", "fetch it again") from error
    graph = model.graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    nodes = [made for node in graph.node for made in _rewritten(node, constants)]
    used = {name for node in nodes for name in node.input}
    kept = [one for one in graph.initializer if one.name in used]
    given = [one for one in graph.input if one.name not in constants]
    declared = [helper.make_tensor_value_info(one.name, one.data_type, one.dims) for one in kept]
    made = helper.make_graph(nodes, graph.name, [*given, *declared], list(graph.output), kept)
    older = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    with replacing(output) as part:
        part.write_bytes(older.SerializeToString(deterministic=True))


def _rewritten(node: Node, constants: _Constants) -> Iterator[Node]:
    rule = _RULES.get(node.op_type)
    if rule is None:
        raise InputError(
            f"ONNX of opset 7: the operator {node.op_type} of '{node.name}' is not known here",
            f"known: {', '.join(_RULES)}",
        )
    return rule(node, constants)


def _attributes(node: Node) -> dict[str, Any]:
    """Attributes without those that opset 7 does not have.

    Raises:
        InputError: One of those says something.
    """
    found = {}
    for one in node.attribute:
        value = helper.get_attribute_value(one)
        if one.name not in _LATER or one.name in _KEPT.get(node.op_type, ()):
            found[one.name] = value
        elif value not in _LATER[one.name]:
            raise InputError(
                f"ONNX of opset 7: {node.op_type} '{node.name}' has no {one.name} = {value}",
                "use another framework for this model",
            )
    return found


def _make(node: Node, inputs: list[str], output: str, type: str = "", **attributes: Any) -> Node:
    return helper.make_node(type or node.op_type, inputs, [output], node.name, **attributes)


def _same(node: Node, constants: _Constants) -> Iterator[Node]:
    yield _make(node, list(node.input), node.output[0], **_attributes(node))


def _clip(node: Node, constants: _Constants) -> Iterator[Node]:
    bounds = [constants[name].item() if name else None for name in list(node.input)[1:3]]
    low, high = [*bounds, None, None][:2]
    low, high = -_LARGEST if low is None else low, _LARGEST if high is None else high
    yield _make(node, [node.input[0]], node.output[0], min=low, max=high)


def _pad(node: Node, constants: _Constants) -> Iterator[Node]:
    value = constants[node.input[2]].item() if len(node.input) > 2 and node.input[2] else 0.0
    mode = _attributes(node).get("mode", b"constant")
    pads = constants[node.input[1]].tolist()
    yield _make(node, [node.input[0]], node.output[0], pads=pads, value=value, mode=mode)


def _mean(node: Node, constants: _Constants) -> Iterator[Node]:
    attributes = _attributes(node)
    axes = constants[node.input[1]].tolist() if len(node.input) > 1 else attributes.pop("axes", [])
    keep = attributes.get("keepdims", 1)
    if sorted(axes) not in ([2, 3], [-2, -1]):
        yield _make(node, [node.input[0]], node.output[0], axes=axes, keepdims=keep)
        return
    # What readers of that year have a kernel for.
    pooled = node.output[0] if keep else f"{node.output[0]}/pooled"
    yield _make(node, [node.input[0]], pooled, "GlobalAveragePool")
    if not keep:
        flat = helper.make_node("Flatten", [pooled], [node.output[0]], f"{node.name}/flat", axis=1)
        yield flat


_RULES: dict[str, Callable[[Node, _Constants], Iterator[Node]]] = {
    **dict.fromkeys(
        (
            "Add", "AveragePool", "Concat", "Conv", "Flatten", "Gemm", "GlobalAveragePool",
            "GlobalMaxPool", "Identity", "LeakyRelu", "MatMul", "MaxPool", "Mul", "Relu",
            "Reshape", "Sigmoid", "Sub", "Tanh", "Transpose",
        ),
        _same,
    ),
    "Clip": _clip,
    "Pad": _pad,
    "ReduceMean": _mean,
}  # fmt: skip
