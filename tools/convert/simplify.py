"""Rewrites of a graph that keep its results: several operators become one that is known by name.

Beside ONNX's operators the converters meet three of ours. ``Linear``: a matrix product with
constant weights ``(inputs, outputs)`` and, where there is a third input, a bias. ``Gelu``: the
activation, by the error function. ``First``: of a table as many rows as another tensor has sizes
along ``axis``.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from loadscope.tools.convert.graph import Graph, Node

_SHAPE_INPUTS = {"Reshape": 1, "Expand": 1}
"""Inputs that hold a shape; converters read the result's inferred shape in their place."""
_TOLERANCE = 1e-6


def simplify(graph: Graph) -> None:
    """Join what belongs together, and drop all nodes that no result needs.

    Args:
        graph: Changed in place.
    """
    for rewrite in (_transposed, _first_rows, _linear, _with_bias, _gelu):
        makers = {output: node for node in graph.nodes for output in node.outputs}
        graph.nodes = [rewrite(graph, makers.get, node) for node in graph.nodes]
    _drop_unused(graph)


Makers = Callable[[str], Node | None]


def _transposed(graph: Graph, maker: Makers, last: Node) -> Node:
    """Make one transposition of Reshape, Transpose(0, 2, 1), Reshape.

    PyTorch's exporter writes the transposed keys of attention in this way: the first two of
    four axes are merged, the last two exchanged, the first two split again.
    """
    middle = _made(maker, last, "Reshape", "Transpose")
    first = middle and _made(maker, middle, "Transpose", "Reshape")
    if middle is None or first is None or list(middle.attributes.get("perm", ())) != [0, 2, 1]:
        return last
    before, after = graph.shape(first.inputs[0]), graph.shape(last.outputs[0])
    if len(before) != 4 or after != (*before[:2], before[3], before[2]):
        return last
    return replace(last, op="Transpose", inputs=first.inputs[:1], attributes={"perm": [0, 1, 3, 2]})


def _first_rows(graph: Graph, maker: Makers, node: Node) -> Node:
    """Make ``First`` of a Slice from zero to a size that another tensor has."""
    if node.op != "Slice" or node.inputs[0] not in graph.constants:
        return node
    size = maker(node.inputs[2])
    if size is None or size.op != "Shape" or size.attributes.get("end") is None:
        return node
    axis = size.attributes.get("start", 0)
    plain = {1: 0, 3: 0, 4: 1}
    if size.attributes["end"] != axis + 1 or any(
        node.input(at) and not _is_number(graph, node.input(at), value)
        for at, value in plain.items()
    ):
        return node
    return replace(
        node, op="First", inputs=(node.inputs[0], size.inputs[0]), attributes={"axis": axis}
    )


def _linear(graph: Graph, maker: Makers, node: Node) -> Node:
    weights = graph.constants.get(node.input(1)) if node.op == "MatMul" else None
    if weights is None or weights.ndim != 2 or node.inputs[0] in graph.constants:
        return node
    return replace(node, op="Linear")


def _with_bias(graph: Graph, maker: Makers, node: Node) -> Node:
    for product, bias in (node.inputs, node.inputs[::-1]) if node.op == "Add" else ():
        made, values = maker(product), graph.constants.get(bias)
        if made is not None and made.op == "Linear" and values is not None and values.ndim == 1:
            return replace(node, op="Linear", inputs=(*made.inputs[:2], bias))
    return node


def _gelu(graph: Graph, maker: Makers, last: Node) -> Node:
    """Make ``Gelu`` of x · (½ · (1 + erf(x / √2))), in whichever order the factors stand."""
    if last.op != "Mul":
        return last
    for x, rest in (last.inputs, last.inputs[::-1]):
        half = maker(rest)
        plus = half and _other(graph, maker, half, "Mul", 0.5)
        erf = plus and _other(graph, maker, plus, "Add", 1.0)
        scaled = _made(maker, erf, "Erf", "Div") if erf is not None else None
        if (
            scaled is not None
            and scaled.inputs[0] == x
            and _is_number(graph, scaled.inputs[1], math.sqrt(2))
        ):
            return replace(last, op="Gelu", inputs=(x,), attributes={})
    return last


def _made(maker: Makers, node: Node, op: str, by: str) -> Node | None:
    """The maker of an operator's first input, where both are what they must be."""
    found = maker(node.inputs[0]) if node.op == op else None
    return found if found is not None and found.op == by else None


def _other(graph: Graph, maker: Makers, node: Node, op: str, number: float) -> Node | None:
    """The maker of the operand that stands beside a number."""
    if node.op != op:
        return None
    for one, other in (node.inputs, node.inputs[::-1]):
        if _is_number(graph, one, number):
            return maker(other)
    return None


def _is_number(graph: Graph, name: str, value: float) -> bool:
    array = graph.constants.get(name)
    return (
        array is not None
        and array.size == 1
        and math.isclose(float(array.reshape(())), value, rel_tol=_TOLERANCE)
    )


def _drop_unused(graph: Graph) -> None:
    needed = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if needed.isdisjoint(node.outputs):
            continue
        kept.append(node)
        skipped = _SHAPE_INPUTS.get(node.op)
        needed.update(name for index, name in enumerate(node.inputs) if index != skipped)
    graph.nodes = kept[::-1]
    graph.constants = {name: array for name, array in graph.constants.items() if name in needed}
