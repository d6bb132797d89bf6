"""Layers of TensorFlow, from the step statistics of traced calls."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from loadscope.sut.flops import flops
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import LayerRecord, PredictTrace, Shape
from loadscope.tensors import Tensors

_TYPES = {
    "AddV2": "Add",
    "AvgPool": "AveragePool",
    "BatchMatMul": "MatMul",
    "BatchMatMulV2": "MatMul",
    "BiasAdd": "Add",
    "ConcatV2": "Concat",
    "Conv2D": "Conv",
    "DepthwiseConv2dNative": "Conv",
    "ExpandDims": "Unsqueeze",
    "FusedBatchNorm": "BatchNormalization",
    "FusedBatchNormV3": "BatchNormalization",
    "FusedConv2D": "Conv",
    "FusedDepthwiseConv2dNative": "Conv",
    "FusedMatMul": "Gemm",
    "FusedBatchMatMulV2": "MatMul",
    "GatherV2": "Gather",
    "LayerNorm": "LayerNormalization",
    "Maximum": "Max",
    "Mean": "ReduceMean",
    "Minimum": "Min",
    "Pack": "Concat",
    "PadV2": "Pad",
    "RealDiv": "Div",
    "Relu6": "Clip",
    "ResizeNearestNeighbor": "Resize",
    "Select": "Where",
    "SelectV2": "Where",
    "SquaredDifference": "Sub",
    "StridedSlice": "Slice",
    "Rsqrt": "Reciprocal",
}
_PREFIXES = ("_MklNative", "_Mkl", "_")
# What the executor does around a graph, which no model asks for.
_BOOKKEEPING = frozenset({"Const", "NoOp", "_Arg", "_Retval", "Placeholder", "_HostConst"})


class TensorFlowTracer(CallTracer):
    """Calls the backend's own session with full tracing.

    Args:
        session: The session.
        call: The session's callable that takes ``options`` and ``run_metadata``.
        run: Runs a batch with a function that takes the feeds.
    """

    def __init__(
        self,
        session: Any,
        call: Callable[..., Any],
        run: Callable[[Callable[..., Any], Tensors], Tensors],
    ) -> None:
        self._definition = session.graph.as_graph_def()
        full = tf.compat.v1.RunOptions.FULL_TRACE
        options = tf.compat.v1.RunOptions(trace_level=full)
        # The graph that is run does not change between calls.
        first = tf.compat.v1.RunOptions(trace_level=full, output_partition_graphs=True)
        self._metadata: list[Any] = []
        self._partitions: Any = None

        def traced(*feeds: Any) -> Any:
            metadata = tf.compat.v1.RunMetadata()
            asked = options if self._partitions else first
            found = call(*feeds, options=asked, run_metadata=metadata)
            self._partitions = self._partitions or metadata.partition_graphs
            self._metadata.append(metadata)
            return found

        super().__init__(lambda batch: run(traced, batch))

    # Which statistics belong to which call is told by their order.
    one_at_a_time = True

    def forget(self) -> None:
        """Drop the notes so far."""
        super().forget()
        self._metadata.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        nodes = {node.name: node for graph in self._partitions or () for node in graph.node}
        constants = _constants(nodes)
        model = {node.name: node for node in self._definition.node}
        groups = {name: _group(node, nodes, model) for name, node in nodes.items()}
        traces = []
        for call, metadata in zip(super().finish(), self._metadata, strict=True):
            found = [
                node
                for device in metadata.step_stats.dev_stats
                for node in device.node_stats
                if node.node_name in nodes and nodes[node.node_name].op not in _BOOKKEEPING
            ]
            found.sort(key=lambda node: node.all_start_nanos)
            shapes = {**constants, **_feeds(metadata)}
            shapes.update({node.node_name: _outputs(node) for node in found})
            layers = tuple(
                _record(at, node, nodes[node.node_name], shapes, groups, model, call.thread)
                for at, node in enumerate(found)
            )
            traces.append(PredictTrace(call.start_ns, call.duration_ns, call.thread, layers))
        return traces


def _record(
    index: int,
    found: Any,
    node: Any,
    shapes: Mapping[str, tuple[Shape, ...]],
    groups: Mapping[str, list[str]],
    model: Mapping[str, Any],
    thread: int,
) -> LayerRecord:
    outputs = _outputs(found)
    inputs = tuple(shape for name in node.input if (shape := _shape_of(name, shapes)) is not None)
    kind = _kind(node.op)
    group = groups[node.name]
    if kind == "Gemm" and len(outputs[:1]) and len(outputs[0]) > 2:
        kind = "MatMul"
    fused = [_kind(name.decode()) for name in node.attr["fused_ops"].list.s]
    allocated = sum(one.total_bytes for one in found.memory)
    own = sum(one.tensor_description.allocation_description.requested_bytes for one in found.output)
    dtype = ""
    if found.output:
        dtype = tf.dtypes.as_dtype(found.output[0].tensor_description.dtype).name
    return LayerRecord(
        index=index,
        name=node.name,
        type=kind,
        start_ns=found.all_start_nanos + found.op_start_rel_nanos,
        duration_ns=found.op_end_rel_nanos - found.op_start_rel_nanos,
        input_shapes=inputs,
        output_shapes=outputs,
        dtype=dtype,
        bytes=allocated or own,
        flops=flops(kind, inputs, outputs[0] if outputs else (0,), _window(node, inputs), fused),
        thread=thread,
        attributes={
            "constituents": group,
            "operator": node.op,
            "allocator_peak_bytes": max((one.peak_bytes for one in found.memory), default=0),
        },
    )


def _kind(operator: str) -> str:
    for prefix in _PREFIXES:
        if operator.startswith(prefix):
            operator = operator.removeprefix(prefix)
            break
    return _TYPES.get(operator, operator)


def _window(node: Any, inputs: Sequence[Shape]) -> int:
    kind = _kind(node.op)
    if kind == "Conv" and len(inputs) > 1:
        height, width, channels, _ = inputs[1]
        return height * width * (1 if "Depthwise" in node.op else channels)
    if kind in ("Gemm", "MatMul") and inputs:
        across = node.attr["transpose_a"].b or node.attr["adj_x"].b
        return inputs[0][-2 if across else -1]
    if kind in ("MaxPool", "AveragePool"):
        return math.prod(node.attr["ksize"].list.i)
    return 0


def _constants(nodes: Mapping[str, Any]) -> dict[str, tuple[Shape, ...]]:
    return {
        name: (tuple(dim.size for dim in node.attr["value"].tensor.tensor_shape.dim),)
        for name, node in nodes.items()
        if node.op == "Const"
    }


def _feeds(metadata: Any) -> dict[str, tuple[Shape, ...]]:
    return {
        node.node_name: _outputs(node)
        for device in metadata.step_stats.dev_stats
        for node in device.node_stats
        if node.output
    }


def _outputs(found: Any) -> tuple[Shape, ...]:
    shapes = (one.tensor_description.shape for one in found.output)
    return tuple(tuple(dim.size for dim in shape.dim) for shape in shapes)


def _shape_of(edge: str, shapes: Mapping[str, tuple[Shape, ...]]) -> Shape | None:
    """The shape on an edge of the graph (``node:1``); None of an order without data."""
    if edge.startswith("^"):
        return None
    name, _, slot = edge.partition(":")
    known = shapes.get(name, ())
    at = int(slot or 0)
    return known[at] if at < len(known) else None


def _group(node: Any, nodes: Mapping[str, Any], model: Mapping[str, Any]) -> list[str]:
    """The model's operators in a node that is run: back from its name to what it is given."""
    if node.name not in model:
        return []
    ends = {edge.lstrip("^").partition(":")[0] for edge in node.input}
    group, pending = [], [node.name]
    while pending:
        name = pending.pop()
        if name in ends or name in group or name not in model:
            continue
        if name != node.name and name in nodes:
            continue
        if model[name].op in _BOOKKEEPING:
            continue
        group.append(name)
        pending.extend(edge.lstrip("^").partition(":")[0] for edge in model[name].input)
    return group[::-1]
