"""Layers of ONNX Runtime, from the profile of a session of its own."""

import json
import math
import tempfile
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import onnxruntime

from loadscope.sut.flops import flops
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.onnx_graph import OnnxGraph
from loadscope.sut.tracing.record import LayerRecord, PredictTrace, Shapes
from loadscope.tensors import Tensors

_DTYPES = {"float": "float32", "double": "float64"}
_KERNEL = "_kernel_time"

OpenSession = Callable[[Callable[[onnxruntime.SessionOptions], None]], Any]
"""Makes a session after its options have been handed to the argument."""


class OnnxRuntimeTracer(CallTracer):
    """Runs a second session of the model, since profiling is switched on when one is made.

    Args:
        open_session: Makes the session.
        run: Runs a batch in a session.
        path: The model's file, for the names of what is fused.
    """

    def __init__(
        self, open_session: OpenSession, run: Callable[[Any, Tensors], Tensors], path: Path
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="loadscope-")

        def profile(options: onnxruntime.SessionOptions) -> None:
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(self._folder.name) / "profile")

        self._session = open_session(profile)
        self._path = path
        super().__init__(lambda batch: run(self._session, batch))

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        origin = self._session.get_profiling_start_time_ns()
        with Path(self._session.end_profiling()).open(encoding="utf-8") as file:
            events = json.load(file)
        self._folder.cleanup()
        graph = OnnxGraph.read(self._path)
        found = defaultdict(list)
        for event in events:
            if event["cat"] == "Node" and event["name"].endswith(_KERNEL):
                found[event["tid"]].append((origin + event["ts"] * 1000, event))
        starts = {}
        for thread, nodes in found.items():
            nodes.sort(key=lambda node: node[0])
            starts[thread] = [start for start, _ in nodes]
        traces = []
        for call in super().finish():
            times = starts.get(call.thread, [])
            # The profile has whole microseconds, cut off.
            first = bisect_left(times, call.start_ns - 1000)
            last = bisect_left(times, call.start_ns + call.duration_ns)
            nodes = found[call.thread][first:last] if times else []
            groups = graph.constituents(
                [(_name(event), event["args"]["op_name"]) for _, event in nodes]
            )
            layers = tuple(
                _record(at, start, event, graph, group)
                for at, ((start, event), group) in enumerate(zip(nodes, groups, strict=True))
            )
            traces.append(PredictTrace(call.start_ns, call.duration_ns, call.thread, layers))
        return traces


def _name(event: Mapping[str, Any]) -> str:
    name: str = event["name"].removesuffix(_KERNEL)
    return name.removesuffix("_nchwc")


def _record(
    index: int, start: int, event: Mapping[str, Any], graph: OnnxGraph, group: list[str]
) -> LayerRecord:
    arguments = event["args"]
    inputs, _ = _tensors(arguments.get("input_type_shape", []))
    outputs, dtypes = _tensors(arguments.get("output_type_shape", []))
    name = _name(event)
    kind, fused = _kind(arguments["op_name"], [graph.type(each) for each in group])
    return LayerRecord(
        index=index,
        name=name,
        type=kind,
        start_ns=start,
        duration_ns=event["dur"] * 1000,
        input_shapes=inputs,
        output_shapes=outputs,
        dtype=dtypes[0] if dtypes else "",
        bytes=int(arguments.get("output_size", 0)),
        flops=flops(
            kind,
            inputs,
            outputs[0] if outputs else (0,),
            _window(kind, inputs, graph, group),
            fused,
        ),
        thread=event["tid"],
        attributes={
            "constituents": group,
            "operator": arguments["op_name"],
            "provider": arguments.get("provider", ""),
            "parameter_bytes": int(arguments.get("parameter_size", 0)),
            "in_use_peak_bytes": int(arguments.get("mem_in_use_peak", 0)),
        },
    )


def _kind(operator: str, types: list[str]) -> tuple[str, list[str]]:
    """ONNX's name of what was run, and the names of what is fused into it."""
    if len(types) > 1:
        for main in ("Conv", "ConvTranspose", "Gemm", "MatMul", "LayerNormalization", "Gelu"):
            if main in types:
                types = list(types)
                types.remove(main)
                return main, types
    return operator.removeprefix("Fused"), []


def _tensors(described: list[Mapping[str, list[int]]]) -> tuple[Shapes, list[str]]:
    pairs = [(kind, tuple(shape)) for one in described for kind, shape in one.items()]
    return tuple(shape for _, shape in pairs), [_DTYPES.get(kind, kind) for kind, _ in pairs]


def _window(kind: str, inputs: Shapes, graph: OnnxGraph, group: list[str]) -> int:
    if not inputs:
        return 0
    if kind in ("Gemm", "MatMul"):
        return inputs[0][-1]
    if kind in ("Conv", "ConvTranspose"):
        # Packed weights are not among the inputs; the file has them.
        for each in group:
            if shape := graph.weight_shape(each):
                return math.prod(shape[1:])
        return math.prod(inputs[1][1:]) if len(inputs) > 1 else 0
    return math.prod(graph.window(group))
