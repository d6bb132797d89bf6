"""Layers of OpenVINO, from the counters of a compiled model of its own."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadscope.sut.flops import flops
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.onnx_graph import OnnxGraph
from loadscope.sut.tracing.record import LayerRecord, PredictTrace, Shape, Shapes
from loadscope.tensors import Tensors

# OpenVINO's names of what ONNX has another name for; a fused layer has that of its operator.
_TYPES = {
    "Clamp": "Clip",
    "Concatenation": "Concat",
    "Convert": "Cast",
    "Convolution": "Conv",
    "Deconvolution": "ConvTranspose",
    "FullyConnected": "MatMul",
    "GroupConvolution": "Conv",
    "StridedSlice": "Slice",
}
_DTYPES = {
    "bf16": "bfloat16", "boolean": "bool", "f16": "float16", "f32": "float32", "f64": "float64",
    "i16": "int16", "i32": "int32", "i64": "int64", "i8": "int8", "u8": "uint8",
}  # fmt: skip

_Key = tuple[tuple[int, ...], ...]
"""The shapes of a batch."""


@dataclass(frozen=True)
class _Node:
    """A node that was run, described for one shape of a batch."""

    name: str
    type: str
    kernel: str
    origins: tuple[str, ...]
    inputs: Shapes
    output: Shape
    dtype: str
    bytes: int


@dataclass
class _Runs:
    """The runs with batches of one shape.

    Attributes:
        count: How many.
        layers: Nanoseconds of each node in all of them, by name.
    """

    count: int = 0
    layers: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


class OpenVinoTracer(CallTracer):
    """Runs another compiled model, which counts.

    OpenVINO tells the mean time of each node since the model was compiled, in whole microseconds,
    and nothing of a single run. The counters are read where the shape of the batch changes, so a
    shape has means of its own, good to about a microsecond; a call's layers have these in
    proportion to the call's own time, one behind the other. ``mean_ns`` and ``runs`` among a
    record's attributes say so.

    Args:
        compiled: The model, compiled to count.
        request: The infer request in which it runs.
        run: Runs a batch in that request.
        path: The ONNX file, for the operators that a node stands for; None for another format.
    """

    # The counters do not tell whose they are.
    one_at_a_time = True

    def __init__(
        self, compiled: Any, request: Any, run: Callable[[Tensors], Tensors], path: Path | None
    ) -> None:
        super().__init__(run)
        self._compiled, self._request, self._path = compiled, request, path
        self._count = 0
        self._read: tuple[int, dict[str, int]] = 0, {}
        self._key: _Key = ()
        self._keys: list[_Key] = []
        self._runs: defaultdict[_Key, _Runs] = defaultdict(_Runs)
        self._nodes: dict[_Key, list[_Node]] = {}

    def predict(self, batch: Tensors) -> Tensors:
        """Run the model and note the call."""
        key = tuple(array.shape for array in batch.values())
        if key != self._key:
            self._settle()
            self._key = key
        outputs = super().predict(batch)
        self._keys.append(key)
        self._count += 1
        return outputs

    def forget(self) -> None:
        """Drop the notes so far."""
        self._settle()
        self._runs.clear()
        self._keys.clear()
        super().forget()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        self._settle()
        graph = OnnxGraph() if self._path is None else OnnxGraph.read(self._path)
        calls = super().finish()
        spent: defaultdict[_Key, int] = defaultdict(int)
        for key, call in zip(self._keys, calls, strict=True):
            spent[key] += call.duration_ns
        groups = {key: _constituents(nodes, graph) for key, nodes in self._nodes.items()}
        traces = []
        for key, call in zip(self._keys, calls, strict=True):
            runs = self._runs[key]
            # Cut-off microseconds must not put a layer outside of its call.
            share = call.duration_ns / max(spent[key], sum(runs.layers.values()))
            layers = tuple(
                _records(self._nodes[key], groups[key], graph, runs, share, call.start_ns)
            )
            traces.append(PredictTrace(call.start_ns, call.duration_ns, call.thread, layers))
        return traces

    def _settle(self) -> None:
        """Add what was counted since the counters were last read to the runs of its shape."""
        count, before = self._read
        if self._count == count:
            return
        now = {
            one.node_name: round(one.real_time.total_seconds() * 1e9) * self._count
            for one in self._request.get_profiling_info()
            if one.status == one.status.EXECUTED
        }
        runs = self._runs[self._key]
        runs.count += self._count - count
        for name, total in now.items():
            runs.layers[name] += max(0, total - before.get(name, 0))
        self._read = self._count, now
        # The shapes are those of the last run.
        if self._key not in self._nodes:
            self._nodes[self._key] = list(_described(self._compiled.get_runtime_model(), now))


def _described(model: Any, ran: dict[str, int]) -> Iterator[_Node]:
    """The nodes that were run, in their order."""
    for operator in sorted(model.get_ordered_ops(), key=_order):
        facts = operator.get_rt_info()
        if operator.get_friendly_name() not in ran or not operator.outputs():
            continue
        output = operator.output(0)
        shape, element = _shape(output), output.get_element_type()
        yield _Node(
            name=operator.get_friendly_name(),
            type=str(facts["layerType"].value),
            kernel=str(facts["primitiveType"].value),
            origins=tuple(filter(None, str(facts["originalLayersNames"].value).split(","))),
            inputs=tuple(
                _shape(given.get_source_output())
                for given in operator.inputs()
                if _kind(given.get_node().input_value(given.get_index()).get_node()) != "Const"
            ),
            output=shape,
            dtype=_DTYPES.get(element.get_type_name(), element.get_type_name()),
            bytes=math.prod(shape) * element.size,
        )


def _order(operator: Any) -> int:
    return int(operator.get_rt_info()["execOrder"].value)


def _kind(operator: Any) -> str:
    return str(operator.get_rt_info()["layerType"].value)


def _shape(output: Any) -> Shape:
    return tuple(size.get_length() if size.is_static else 0 for size in output.get_partial_shape())


def _constituents(nodes: list[_Node], graph: OnnxGraph) -> list[list[str]]:
    """The operators of the file that each node stands for, each of them in one node alone."""
    free = dict.fromkeys(graph.types)
    groups: list[list[str]] = []
    for node in nodes:
        # OpenVINO appends a part of what it has taken apart: X/WithoutBiases.
        names = [name for each in node.origins for name in (each, each.rpartition("/")[0])]
        found = {graph.aliases.get(name, name) for name in names} & free.keys()
        groups.append([name for name in graph.types if name in found])
        for name in found:
            del free[name]
    return groups


def _records(
    nodes: list[_Node],
    groups: list[list[str]],
    graph: OnnxGraph,
    runs: _Runs,
    share: float,
    start: int,
) -> Iterator[LayerRecord]:
    # Added to the start as a whole number: a float is good to 256 ns there.
    passed = 0.0
    for index, (node, group) in enumerate(zip(nodes, groups, strict=True)):
        spent = runs.layers[node.name] * share
        kind, fused = _named(node, [graph.type(each) for each in group], graph, group)
        shapes = _attention(node.inputs) if kind == "Attention" else node.inputs
        yield LayerRecord(
            index=index,
            name=node.name,
            type=kind,
            start_ns=start + int(passed),
            duration_ns=int(passed + spent) - int(passed),
            input_shapes=node.inputs,
            output_shapes=(node.output,),
            dtype=node.dtype,
            bytes=node.bytes,
            flops=flops(kind, shapes, node.output, graph.additions(kind, shapes, group), fused),
            attributes={
                "constituents": group,
                "operator": node.type,
                "kernel": node.kernel,
                "mean_ns": runs.layers[node.name] // runs.count,
                "runs": runs.count,
            },
        )
        passed += spent


def _named(
    node: _Node, types: list[str], graph: OnnxGraph, group: list[str]
) -> tuple[str, list[str]]:
    """ONNX's name of a node, and the types of what is fused into it."""
    own = _TYPES.get(node.type, node.type)
    if own in ("Conv", "ConvTranspose", "MatMul"):
        # The product itself may have lost its name where its bias has kept one.
        kind = "Gemm" if "Gemm" in types else own
        return kind, [each for each in types if each != kind]
    ranks = [len(shape) for shape in node.inputs]
    if {"MatMul", "Softmax"} <= set(types) and len(ranks) > 2 and set(ranks) == {4}:
        return "Attention", []
    kind, fused = graph.kind(types[0] if types else own, group)
    # A chain of operators on single numbers has none that is the main one.
    return kind, fused or types[1:]


def _attention(inputs: Shapes) -> Shapes:
    """Query, key and value as (batch, heads, rows or columns, width), and the mask.

    OpenVINO takes the transposition of heads and rows into the node: the query may be (batch,
    rows, heads, width), the key that or (batch, heads, width, columns).
    """
    query, key, *mask = inputs[:-1]
    batch, width = query[0], query[-1]
    heads, columns = (key[1], key[-1]) if key[-2] == width else (key[2], key[1])
    rows = math.prod(query) // (batch * heads * width)
    behind = (batch, heads, columns, width)
    return ((batch, heads, rows, width), behind, behind, *mask)
