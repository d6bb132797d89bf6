"""Layers of MXNet, from its profiler; names and shapes from the graph that it runs."""

import json
import math
from ast import literal_eval
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadscope.errors import WorkError
from loadscope.scratch import make_scratch, remove_scratch
from loadscope.sut.flops import flops
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import LayerRecord, PredictTrace, Shape
from loadscope.tensors import Tensors

_TYPES = {
    "Activation": "Relu",
    "BatchNorm": "BatchNormalization",
    "Concat": "Concat",
    "Convolution": "Conv",
    "Deconvolution": "ConvTranspose",
    "Embedding": "Gather",
    "FullyConnected": "Gemm",
    "LayerNorm": "LayerNormalization",
    "LeakyReLU": "LeakyRelu",
    "Reshape": "Reshape",
    "UpSampling": "Resize",
    "_copy": "Identity",
    "_sg_mkldnn_conv": "Conv",
    "_sg_mkldnn_fully_connected": "Gemm",
    "batch_dot": "MatMul",
    "broadcast_add": "Add",
    "broadcast_div": "Div",
    "broadcast_mul": "Mul",
    "broadcast_sub": "Sub",
    "clip": "Clip",
    "dot": "MatMul",
    "elemwise_add": "Add",
    "elemwise_mul": "Mul",
    "elemwise_sub": "Sub",
    "erf": "Erf",
    "expand_dims": "Unsqueeze",
    "mean": "ReduceMean",
    "pad": "Pad",
    "sigmoid": "Sigmoid",
    "slice": "Slice",
    "slice_axis": "Slice",
    "softmax": "Softmax",
    "transpose": "Transpose",
}
_SCALAR = {
    "_div_scalar": "Div",
    "_minus_scalar": "Sub",
    "_mul_scalar": "Mul",
    "_plus_scalar": "Add",
    "_power_scalar": "Pow",
    "_rminus_scalar": "Sub",
}
_ENGINE = frozenset({"DeleteVariable", "WaitForVar"})
_configured: list[str] = []


@dataclass(frozen=True)
class _Operator:
    """An operator of the graph that runs, described for one batch shape."""

    name: str
    own: str
    description: Mapping[str, Any]


class MxnetTracer(CallTracer):
    """Runs executors of its own, bound without bulking, while the profiler runs.

    Args:
        mx: The module ``mxnet``.
        executor: The executor of a batch, bound where operators are not bulked.
        run: Runs a batch on an executor.
        inputs: Names of the inputs.

    Raises:
        WorkError: This process has traced before; MXNet's profile can be read once.
    """

    # The engine's events do not tell whose they are.
    one_at_a_time = True

    def __init__(
        self,
        mx: Any,
        executor: Callable[[Tensors], Any],
        run: Callable[[Any, Tensors], Tensors],
        inputs: list[str],
    ) -> None:
        if _configured:
            raise WorkError(
                "MXNet's profiler writes one profile a process", "trace again in a fresh process"
            )
        self._folder = make_scratch("profile")
        self._file = self._folder / "profile.json"
        mx.profiler.set_config(
            filename=str(self._file),
            profile_symbolic=True,
            profile_imperative=True,
            # Otherwise the first and the last operator are not told by name.
            aggregate_stats=True,
        )
        _configured.append(str(self._file))
        self._mx = mx
        self._inputs = inputs
        self._operators: dict[Any, list[_Operator]] = {}
        self._keys: list[Any] = []

        def traced(batch: Tensors) -> Tensors:
            bound = executor(batch)
            key = tuple(batch[name].shape for name in inputs)
            if key not in self._operators:
                self._operators[key] = _operators(bound, dict(zip(inputs, key, strict=True)))
            self._keys.append(key)
            return run(bound, batch)

        super().__init__(traced)

    def predict(self, batch: Tensors) -> Tensors:
        """Run the model and note the call; the profiler is on for as long."""
        self._mx.profiler.set_state("run")
        try:
            return super().predict(batch)
        finally:
            self._mx.profiler.set_state("stop")

    def forget(self) -> None:
        """Drop the notes so far."""
        super().forget()
        self._keys.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        self._mx.profiler.dump(finished=True)
        events = json.loads(self._file.read_text(encoding="utf-8"))["traceEvents"]
        remove_scratch(self._folder)
        ran = _intervals(events)
        traces, at = [], 0
        for call, key in zip(super().finish(), self._keys, strict=True):
            end = call.start_ns + call.duration_ns
            while at < len(ran) and ran[at][1] < call.start_ns - 1000:
                at += 1
            first = at
            while at < len(ran) and ran[at][1] < end:
                at += 1
            layers = _records(ran[first:at], self._operators[key])
            traces.append(PredictTrace(call.start_ns, call.duration_ns, call.thread, layers))
        return traces


def _intervals(events: list[dict[str, Any]]) -> list[tuple[str, int, int, int]]:
    """Name, start, end (unix ns) and thread of each operator that the engine ran."""
    threads: dict[Any, int] = {}
    begun: dict[tuple[Any, str], int] = {}
    ran = []
    for event in events:
        if event.get("cat") != "operator" or event["name"] in _ENGINE:
            continue
        key = (event["tid"], event["name"])
        if event["ph"] == "B":
            begun[key] = event["ts"] * 1000
        elif event["ph"] == "E":
            # MXNet tells a hash of the thread.
            number = threads.setdefault(event["tid"], len(threads) + 1)
            ran.append((event["name"], begun.pop(key), event["ts"] * 1000, number))
    return sorted(ran, key=lambda one: one[1])


def _records(
    ran: list[tuple[str, int, int, int]], operators: list[_Operator]
) -> tuple[LayerRecord, ...]:
    """Give each event the next of the graph's operators that has its type.

    Branches of a graph may run in another order than they are written in; what is no operator
    of the graph (a copy) has no record.
    """
    waiting: dict[str, deque[_Operator]] = defaultdict(deque)
    for operator in operators:
        waiting[operator.own].append(operator)
    records: list[LayerRecord] = []
    for name, start, end, thread in ran:
        if not waiting[name]:
            continue
        records.append(
            LayerRecord(
                index=len(records),
                start_ns=start,
                duration_ns=end - start,
                thread=thread,
                **waiting[name].popleft().description,
            )
        )
    if left := [operator.name for queue in waiting.values() for operator in queue]:
        raise WorkError(
            f"MXNet's profile has {len(records)} of the graph's {len(operators)} operators; "
            f"'{left[0]}' is missing",
            "trace with --level framework",
        )
    return tuple(records)


def _operators(executor: Any, shapes: dict[str, Shape]) -> list[_Operator]:
    symbol = executor.get_optimized_symbol()
    graph = json.loads(symbol.tojson())
    internals = symbol.get_internals()
    _, inferred, _ = internals.infer_shape_partial(**shapes)
    known = dict(zip(internals.list_outputs(), map(tuple, inferred), strict=True))
    _, types, _ = internals.infer_type_partial(
        **{name: executor.arg_dict[name].dtype for name in shapes}
    )
    dtypes = dict(zip(internals.list_outputs(), types, strict=True))
    nodes = graph["nodes"]
    found = []
    for node in nodes:
        if node["op"] == "null":
            continue
        inputs = tuple(
            shape
            for index, slot, *_ in node["inputs"]
            if (shape := _known(nodes[index], slot, known))
        )
        output = _known(node, 0, known)
        kind, fused, constituents = _kind(node)
        dtype = np.dtype(_named(node, 0, dtypes) or np.float32)
        size = dtype.itemsize * math.prod(output)
        description = {
            "name": node["name"],
            "type": kind,
            "input_shapes": inputs,
            "output_shapes": (output,),
            "dtype": dtype.name,
            "bytes": size,
            "flops": flops(kind, inputs, output, _window(kind, node, inputs), fused),
            "attributes": {"constituents": constituents, "operator": node["op"]},
        }
        found.append(_Operator(node["name"], node["op"], description))
    return found


def _named(node: Mapping[str, Any], slot: int, known: Mapping[str, Any]) -> Any:
    name = node["name"]
    for candidate in (f"{name}_output", f"{name}_output{slot}", name):
        if candidate in known:
            return known[candidate]
    return None


def _known(node: Mapping[str, Any], slot: int, known: Mapping[str, Any]) -> Shape:
    return tuple(_named(node, slot, known) or ())


def _kind(node: Mapping[str, Any]) -> tuple[str, list[str], list[str]]:
    """ONNX's name, those of the operators fused behind it, and the fused operators' names."""
    own = node["op"]
    inside = [
        one for part in node.get("subgraphs", []) for one in part["nodes"] if one["op"] != "null"
    ]
    types = [_type(one) for one in inside]
    kind = _type(node)
    if kind in types:
        types.remove(kind)
    if own.startswith("_sg_") and own not in _TYPES and inside:
        kind = _type(inside[0])
    return kind, types, [one["name"] for one in inside]


def _type(node: Mapping[str, Any]) -> str:
    own, attributes = node["op"], node.get("attrs", {})
    if own == "Pooling":
        kind = "MaxPool" if attributes.get("pool_type", "max") == "max" else "AveragePool"
        globally = attributes.get("global_pool", "False") in ("True", "1")
        return f"Global{kind}" if globally else kind
    if own == "Activation":
        act = str(attributes.get("act_type", "relu"))
        return {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}.get(act, act.capitalize())
    if own == "LeakyReLU" and attributes.get("act_type") == "gelu":
        return "Gelu"
    return _TYPES.get(own) or _SCALAR.get(own) or own


def _window(kind: str, node: Mapping[str, Any], inputs: tuple[Shape, ...]) -> int:
    if kind in ("Conv", "ConvTranspose") and len(inputs) > 1:
        return math.prod(inputs[1][1:])
    if kind == "Gemm" and len(inputs) > 1:
        return inputs[1][-1]
    attributes = node.get("attrs", {})
    if kind == "MatMul" and inputs:
        return inputs[0][-2 if attributes.get("transpose_a") == "True" else -1]
    if kind in ("MaxPool", "AveragePool"):
        return math.prod(literal_eval(attributes.get("kernel", "()")))
    return 0
