"""What a ``.tflite`` file tells of the operators and kernels that were run."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from loadscope.sut.flops import flops
from loadscope.sut.litert.kernels import kernel_of, operators_of
from loadscope.sut.litert.model import DELEGATE, Port, allocate, loading, open_interpreter
from loadscope.sut.litert.native import OPERATOR, Event
from loadscope.sut.tracing.order import matched
from loadscope.sut.tracing.record import Shape, Shapes

_TYPES = {
    "AVERAGE_POOL_2D": "AveragePool", "BATCH_MATMUL": "MatMul", "CONCATENATION": "Concat",
    "CONV_2D": "Conv", "DEPTHWISE_CONV_2D": "Conv", "DEQUANTIZE": "DequantizeLinear",
    "EXPAND_DIMS": "Unsqueeze", "FULLY_CONNECTED": "Gemm", "HARD_SWISH": "HardSwish",
    "LEAKY_RELU": "LeakyRelu", "LOGISTIC": "Sigmoid", "MAX_POOL_2D": "MaxPool",
    "MAXIMUM": "Max", "MEAN": "ReduceMean", "MINIMUM": "Min", "PACK": "Concat", "PADV2": "Pad",
    "QUANTIZE": "QuantizeLinear", "RELU6": "Clip", "RESIZE_BILINEAR": "Resize",
    "RESIZE_NEAREST_NEIGHBOR": "Resize", "RSQRT": "Reciprocal", "SELECT_V2": "Where",
    "SQUARED_DIFFERENCE": "Sub", "STRIDED_SLICE": "Slice", "SUM": "ReduceSum",
    "TRANSPOSE_CONV": "ConvTranspose",
}  # fmt: skip
# TensorFlow's operators that a tensor's name tells of, where they are fused into another.
_FUSED = {"Relu": "Relu", "Relu6": "Clip", "LeakyRelu": "LeakyRelu"}
_SCOPE = "nodes/"
"""Before the node of the ONNX file, in the names that ``tools.convert`` gives."""


@dataclass(frozen=True)
class Operator:
    """What was run, for one shape of a batch.

    Attributes:
        name: The node of the ONNX file where the tensor's name tells it, else that name; of a
            kernel that XNNPACK has put in, the kernel's.
        type: ONNX's name of it.
        operator: LiteRT's; empty for a kernel that XNNPACK has put in.
        constituents: The nodes of the ONNX file; none where the names tell of none.
        activations: Those of them that are an activation which is fused into it.
        inputs: Shapes, weights included.
        outputs: Shapes; of a kernel that XNNPACK has put in, those of the operator before it.
        dtype: Of the first result.
        bytes: Of the results.
        flops: See ``sut.flops``.
    """

    name: str
    type: str
    operator: str
    constituents: tuple[str, ...]
    activations: tuple[str, ...]
    inputs: Shapes
    outputs: Shapes
    dtype: str
    bytes: int
    flops: int


class FileGraph:
    """The operators of a file.

    Args:
        path: The file.
        inputs: All its inputs.
        delegate: ``xnnpack`` or ``none``, as it is run.
    """

    def __init__(self, path: Path, inputs: Sequence[Port], delegate: str) -> None:
        self.inputs = inputs
        self._path, self._delegate = path, delegate

    def operators(self, shapes: Shapes, events: Sequence[Event]) -> list[Operator]:
        """What each event of a call was.

        Args:
            shapes: Of the inputs.
            events: Of the call.
        """
        wanted = {port.index: shape for port, shape in zip(self.inputs, shapes, strict=True)}
        with loading(self._path):
            # Inside of a delegate tensors keep the shapes of the file.
            plain = open_interpreter(self._path, 1, "none")
            allocate(plain, wanted)
            run = open_interpreter(self._path, 1, self._delegate)
            allocate(run, wanted)
        file = _File(plain)
        groups = _delegated(run._get_ops_details(), len(file.operators), events)
        found: list[Operator] = []
        for group, own in _runs(events, groups):
            if len(own) == 1 and own[0].kind == OPERATOR:
                found.append(file.described(group[0]))
                continue
            kinds = [file.operators[at]["op_name"] for at in group]
            for event, place in zip(
                own, matched([operators_of(one.kernel) for one in own], kinds), strict=True
            ):
                found += _put_in(event, found) if place is None else [file.described(group[place])]
        return _each_node_once(found)


class _File:
    """The operators and tensors of an interpreter whose memory is planned."""

    def __init__(self, interpreter: Any) -> None:
        self.operators = interpreter._get_ops_details()
        self._tensors = {one["index"]: one for one in interpreter.get_tensor_details()}
        made = {int(each) for one in self.operators for each in one["outputs"]}
        made |= {one["index"] for one in interpreter.get_input_details()}
        self._made = made

    def described(self, at: int) -> Operator:
        operator = self.operators[at]
        own = operator["op_name"]
        inputs = [int(each) for each in operator["inputs"] if each >= 0]
        outputs = [int(each) for each in operator["outputs"]]
        parts = [part for each in outputs for part in _parts(self._tensors[each]["name"])]
        if not parts:
            # The result of the model has its public name.
            weights = [each for each in inputs if each not in self._made]
            parts = [part for each in weights for part in _parts(self._tensors[each]["name"])]
        nodes = list(dict.fromkeys(scope for scope, _ in reversed(parts)))
        given = tuple(self._shape(each) for each in inputs)
        answered = tuple(self._shape(each) for each in outputs)
        kind = _TYPES.get(own, own.title().replace("_", ""))
        if kind == "Gemm" and len(answered[0]) > 2:
            kind = "MatMul"
        fused = [_FUSED[name] for _, name in parts if name in _FUSED and _FUSED[name] != kind]
        first = self._tensors[outputs[0]]
        return Operator(
            name=nodes[0] if nodes else first["name"].split(";")[-1],
            type=kind,
            operator=own,
            constituents=tuple(nodes),
            activations=tuple(scope for scope, name in parts if name in _FUSED and len(nodes) > 1),
            inputs=given,
            outputs=answered,
            dtype=np.dtype(first["dtype"]).name,
            bytes=sum(
                math.prod(shape) * np.dtype(self._tensors[each]["dtype"]).itemsize
                for each, shape in zip(outputs, answered, strict=True)
            ),
            flops=flops(kind, given, answered[0], _window(own, given), list(dict.fromkeys(fused))),
        )

    def _shape(self, index: int) -> Shape:
        details = self._tensors.get(index)
        return () if details is None else tuple(int(size) for size in details["shape"])


def _window(operator: str, inputs: Shapes) -> int:
    if operator in ("CONV_2D", "FULLY_CONNECTED"):
        return math.prod(inputs[1][1:])
    if operator == "DEPTHWISE_CONV_2D":
        return math.prod(inputs[1][1:3])
    return inputs[0][-1] if operator == "BATCH_MATMUL" else 0


def _parts(name: str) -> list[tuple[str, str]]:
    """Node of the ONNX file and TensorFlow's operator, of each that a tensor's name tells of."""
    paths = [each.split("/") for each in name.split(";") if each.startswith(_SCOPE)]
    return [(path[1], path[2].partition("_")[0]) for path in paths if len(path) > 2]


def _put_in(event: Event, found: list[Operator]) -> list[Operator]:
    """A kernel that stands for no operator of the file; an activation leaves the one before it."""
    kernel = kernel_of(event.kernel)
    before = found[-1] if found else None
    nodes: tuple[str, ...] = ()
    if before is not None and kernel == "Clamp" and before.activations:
        nodes = before.activations
        left = tuple(node for node in before.constituents if node not in nodes)
        size = math.prod(before.outputs[0])
        found[-1] = replace(before, constituents=left, activations=(), flops=size)
    shapes = before.outputs if before else ()
    return [
        Operator(
            name=nodes[0] if nodes else kernel,
            type="Clip" if kernel == "Clamp" else kernel.replace(" ", ""),
            operator="",
            constituents=nodes,
            activations=(),
            inputs=shapes,
            outputs=shapes,
            dtype=before.dtype if before else "float32",
            bytes=before.bytes if before else 0,
            flops=0,
        )
    ]


def _delegated(
    operators: Sequence[dict[str, Any]], count: int, events: Sequence[Event]
) -> list[list[int]]:
    """The operators that each delegate has taken over, in the order in which delegates run.

    Args:
        operators: Those of the file, and behind them the delegates.
        count: How many the file has.
        events: What was run; what is named there is in no delegate.
    """
    alone = {event.index for event in events if event.kind == OPERATOR}
    makers = {
        int(output): at
        for at in range(count)
        if at not in alone
        for output in operators[at]["outputs"]
    }
    groups, taken = [], set[int]()
    for delegate in operators[count:]:
        if delegate["op_name"] != DELEGATE:
            continue
        ends = {int(each) for each in delegate["inputs"]}
        group, pending = set[int](), [int(each) for each in delegate["outputs"]]
        while pending:
            at = makers.get(pending.pop())
            if at is None or at in group or at in taken:
                continue
            group.add(at)
            pending.extend(int(each) for each in operators[at]["inputs"] if int(each) not in ends)
        taken |= group
        groups.append(sorted(group))
    return groups


def _runs(
    events: Sequence[Event], groups: Sequence[list[int]]
) -> Iterator[tuple[list[int], list[Event]]]:
    """The operators of each delegate with its events, and each other operator with its own."""
    waiting = iter(groups)
    own: list[Event] = []
    for event in events:
        if own and (event.kind == OPERATOR or event.index == 0):
            yield next(waiting, []), own
            own = []
        if event.kind == OPERATOR:
            yield [event.index], [event]
        else:
            own.append(event)
    if own:
        yield next(waiting, []), own


def _each_node_once(found: Sequence[Operator]) -> list[Operator]:
    """The same, each node of the ONNX file in the layer alone that does the most of its work."""
    owner: dict[str, int] = {}
    for at, one in enumerate(found):
        for node in one.constituents:
            # Of those that only move numbers the last one has the node's result.
            if node not in owner or one.flops >= found[owner[node]].flops:
                owner[node] = at
    return [
        replace(one, constituents=tuple(node for node in one.constituents if owner[node] == at))
        for at, one in enumerate(found)
    ]
