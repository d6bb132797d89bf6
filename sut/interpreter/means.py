"""Layer records where a framework tells mean times of its operators, and nothing of one run."""

from typing import Any

import numpy as np

from loadscope.sut.backend import Artifact
from loadscope.sut.flops import flops
from loadscope.sut.tracing.onnx_graph import OnnxGraph
from loadscope.sut.tracing.record import LayerRecord

_ALIKE = ({"Gemm", "MatMul"}, {"AveragePool", "GlobalAveragePool", "MaxPool"})
# ONNX's names of operators that older frameworks call otherwise.
_TYPES = {
    "ClipOp": "Clip", "Convolution": "Conv", "ElementTimes": "Mul", "FC": "Gemm", "Plus": "Add",
    "Pooling": "AveragePool", "ReLU": "Relu", "RectifiedLinear": "Relu", "Times": "MatMul",
}  # fmt: skip


def describe(
    told: Any, start_ns: int, duration_ns: int, artifact: Artifact
) -> tuple[LayerRecord, ...]:
    """Records of one call; see ``tracer.Describe``.

    Args:
        told: ``runs``, of which the means are, and ``layers``, in the order in which they run:
            each has ``name``, ``type``, ``ns``, ``inputs``, ``output``, ``dtype`` and ``alias``,
            the name of its result or of the ONNX node that it is of.
        start_ns: When the call began.
        duration_ns: How long it took; layers that took longer when they were measured are scaled
            down to it.
        artifact: The model, whose ONNX file tells of windows and weights.
    """
    is_onnx = artifact.path.suffix == ".onnx"
    graph = OnnxGraph.read(artifact.path) if is_onnx else OnnxGraph()
    whole = sum(one["ns"] for one in told["layers"])
    share = min(1.0, duration_ns / whole) if whole else 1.0
    passed, records = 0.0, []
    for index, one in enumerate(told["layers"]):
        own = _TYPES.get(one["type"], one["type"])
        node = graph.aliases.get(one["alias"], one["alias"])
        # What is only a part of a node (a bias, a change of layout) keeps the framework's name.
        whole_node = node if _same(graph.type(node), own) else ""
        name, kind = whole_node or one["name"], graph.type(whole_node) or own
        shapes = tuple(tuple(shape) for shape in one["inputs"])
        output, spent = tuple(one["output"]), one["ns"] * share
        size = np.dtype(one["dtype"]).itemsize
        records.append(
            LayerRecord(
                index=index,
                name=name,
                type=kind,
                start_ns=start_ns + int(passed),
                duration_ns=int(passed + spent) - int(passed),
                input_shapes=shapes,
                output_shapes=(output,),
                dtype=one["dtype"],
                bytes=int(np.prod(output, dtype=np.int64)) * size,
                flops=flops(kind, shapes, output, graph.additions(kind, shapes, [name])),
                attributes={
                    "operator": one["type"],
                    "constituents": [whole_node] if whole_node else [],
                    "mean_ns": one["ns"],
                    "runs": told["runs"],
                },
            )
        )
        passed += spent
    return tuple(records)


def _same(type: str, own: str) -> bool:
    return type == own or any({type, own} <= alike for alike in _ALIKE)
