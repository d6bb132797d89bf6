"""Layers of ONNX Runtime, from the profile of a session of its own."""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime

from loadscope.scratch import make_scratch, remove_scratch
from loadscope.sut.flops import flops
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.nesting import nested
from loadscope.sut.tracing.onnx_graph import OnnxGraph
from loadscope.sut.tracing.record import LayerRecord, PredictTrace, Shapes
from loadscope.tensors import Tensors

_DTYPES = {"float": "float32", "double": "float64"}
_KERNEL = "_kernel_time"

OpenSession = Callable[[Callable[[onnxruntime.SessionOptions], None]], Any]
"""Makes a session after its options have been handed to the argument."""

_Node = tuple[int, int, Mapping[str, Any]]
"""Start (unix nanoseconds), place in the profile, and the event."""


class OnnxRuntimeTracer(CallTracer):
    """Runs a second session of the model, since profiling is switched on when one is made.

    Args:
        open_session: Makes the session.
        run: Runs a batch in a session.
        path: The model's file, for the names of what is fused.
    """

    flat = False
    """Whether records are of two clocks, a GPU's and the CPU's, which tell of no body."""

    def __init__(
        self, open_session: OpenSession, run: Callable[[Any, Tensors], Tensors], path: Path
    ) -> None:
        self._folder = make_scratch("profile")

        def profile(options: onnxruntime.SessionOptions) -> None:
            options.enable_profiling = True
            options.profile_file_prefix = str(self._folder / "profile")

        self._session = open_session(profile)
        self._path = path
        super().__init__(lambda batch: run(self._session, batch))

    def placed(self, events: list[dict[str, Any]], origin: int) -> list[dict[str, Any]]:
        """The profile as layers are taken from it.

        Args:
            events: As it was read.
            origin: Its start, unix nanoseconds.
        """
        return events

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        origin = self._session.get_profiling_start_time_ns()
        with Path(self._session.end_profiling()).open(encoding="utf-8") as file:
            events = json.load(file)
        remove_scratch(self._folder)
        events = self.placed(events, origin)
        graph = OnnxGraph.read(self._path)
        found: defaultdict[int, list[_Node]] = defaultdict(list)
        for place, event in enumerate(events):
            if event["cat"] == "Node" and event["name"].endswith(_KERNEL):
                found[event["tid"]].append((origin + event["ts"] * 1000, place, event))
        starts = {}
        for thread, nodes in found.items():
            nodes.sort(key=lambda node: node[:2])
            starts[thread] = [start for start, _, _ in nodes]
        traces = []
        for call in super().finish():
            times = starts.get(call.thread, [])
            # The profile has whole microseconds, cut off.
            first = bisect_left(times, call.start_ns - 1000)
            last = bisect_left(times, call.start_ns + call.duration_ns)
            nodes = found[call.thread][first:last] if times else []
            layers = tuple(_records(nodes, graph, self.flat))
            traces.append(PredictTrace(call.start_ns, call.duration_ns, call.thread, layers))
        return traces


def _records(nodes: list[_Node], graph: OnnxGraph, flat: bool) -> Iterator[LayerRecord]:
    """The records of a call, those of a body behind the operator that ran it."""
    # The profile has a line a node, written when the node ends.
    ended = sorted(nodes, key=lambda node: node[1])
    if flat:
        order: Sequence[tuple[int, int | None]] = [(at, None) for at in range(len(ended))]
    else:
        order = nested([(start, event["dur"]) for start, _, event in ended])
    ran = [ended[place] for place, _ in order]
    below: defaultdict[int | None, list[int]] = defaultdict(list)
    for at, (_, parent) in enumerate(order):
        below[parent].append(at)
    scopes: dict[int | None, OnnxGraph] = {None: graph}
    groups: dict[int, list[str]] = {}
    # Whatever is around a body has a smaller number, so that its group is known by then.
    for parent in sorted(below, key=lambda at: -1 if at is None else at):
        members = {
            at: (_name(ran[at][2]), str(ran[at][2]["args"]["op_name"])) for at in below[parent]
        }
        # A loop's body has the same operators each time.
        layers = list(dict.fromkeys(members.values()))
        if parent is not None:
            scopes[parent] = scopes[order[parent][1]].body(groups[parent], layers)
        known = dict(zip(layers, scopes[parent].constituents(layers), strict=True))
        groups |= {at: known[layer] for at, layer in members.items()}
    for at, ((start, _, event), (_, parent)) in enumerate(zip(ran, order, strict=True)):
        yield _record(at, parent, start, event, scopes[parent], groups[at])


def _name(event: Mapping[str, Any]) -> str:
    name: str = event["name"].removesuffix(_KERNEL)
    return name.removesuffix("_nchwc")


def _record(
    index: int,
    parent: int | None,
    start: int,
    event: Mapping[str, Any],
    graph: OnnxGraph,
    group: list[str],
) -> LayerRecord:
    arguments = event["args"]
    inputs, _ = _tensors(arguments.get("input_type_shape", []))
    outputs, dtypes = _tensors(arguments.get("output_type_shape", []))
    name = _name(event)
    kind, fused = graph.kind(arguments["op_name"], group)
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
            graph.additions(kind, inputs, group),
            fused,
        ),
        thread=event["tid"],
        parent=parent,
        attributes={
            "constituents": group,
            "operator": arguments["op_name"],
            "provider": arguments.get("provider", ""),
            "parameter_bytes": int(arguments.get("parameter_size", 0)),
            "in_use_peak_bytes": int(arguments.get("mem_in_use_peak", 0)),
        },
    )


def _tensors(described: list[Mapping[str, list[int]]]) -> tuple[Shapes, list[str]]:
    pairs = [(kind, tuple(shape)) for one in described for kind, shape in one.items()]
    return tuple(shape for _, shape in pairs), [_DTYPES.get(kind, kind) for kind, _ in pairs]
