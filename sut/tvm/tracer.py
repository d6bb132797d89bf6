"""Layers of TVM, from a function that its virtual machine calls around each kernel."""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from time import time_ns
from typing import Any

from loadscope.sut.flops import flops
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.onnx_graph import OnnxGraph
from loadscope.sut.tracing.order import matched
from loadscope.sut.tracing.record import LayerRecord, PredictTrace, Shapes
from loadscope.tensors import Tensors

# What a kernel's name is made of, by ONNX's names of it.
_KINDS = {
    "add": ("Add",), "avg_pool2d": ("AveragePool",), "cast": ("Cast",), "concatenate": ("Concat",),
    "conv2d": ("Conv",), "conv2d_transpose": ("ConvTranspose",), "divide": ("Div",),
    "erf": ("Erf",), "layer_norm": ("LayerNormalization",), "matmul": ("Gemm", "MatMul"),
    "max_pool2d": ("MaxPool",), "mean": ("ReduceMean", "GlobalAveragePool"),
    "multiply": ("Mul",), "relu": ("Relu",), "reshape": ("Reshape", "Flatten"),
    "resize2d": ("Resize",), "sigmoid": ("Sigmoid",), "softmax": ("Softmax",),
    "strided_slice": ("Slice",), "subtract": ("Sub",), "take": ("Gather",),
    "transpose": ("Transpose",),
}  # fmt: skip
_WORD = re.compile("|".join(sorted(_KINDS, key=len, reverse=True)))
# What gives a kernel its place in the file; sums and products are parts of too many others.
_ANCHORS = frozenset(
    {"Conv", "ConvTranspose", "Gemm", "MatMul", "MaxPool", "AveragePool", "ReduceMean", "Softmax",
     "GlobalAveragePool", "LayerNormalization", "Resize", "Concat", "Sigmoid", "Gather", "Erf"}
)  # fmt: skip
_BUILT_IN = "vm."

_Event = tuple[str, int, int, Shapes, str]
"""Kernel, start and end in unix nanoseconds, shapes of its arguments (the result last), dtype."""


class TvmTracer(CallTracer):
    """Notes the kernels of a virtual machine; what the machine does itself is in no layer.

    Args:
        machine: The virtual machine.
        path: The ONNX file.
        run: Runs a batch on it.
    """

    # There is one machine.
    one_at_a_time = True

    def __init__(self, machine: Any, path: Path, run: Callable[[Tensors], Tensors]) -> None:
        super().__init__(run)
        self._path = path
        self._events: list[_Event] = []
        self._calls_end: list[int] = []
        self._start = 0
        machine.set_instrument(self._note)

    def _note(self, function: Any, name: str, before: bool, result: Any, *arguments: Any) -> None:
        if name.startswith(_BUILT_IN):
            return
        if before:
            self._start = time_ns()
            return
        end = time_ns()
        tensors = [one for one in arguments if hasattr(one, "shape") and hasattr(one, "dtype")]
        shapes = tuple(tuple(int(size) for size in one.shape) for one in tensors)
        dtype = str(tensors[-1].dtype) if tensors else ""
        self._events.append((name, self._start, end, shapes, dtype))

    def predict(self, batch: Tensors) -> Tensors:
        """Run the model and note the call."""
        outputs = super().predict(batch)
        self._calls_end.append(len(self._events))
        return outputs

    def forget(self) -> None:
        """Drop the notes so far."""
        super().forget()
        self._events.clear()
        self._calls_end.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        graph = OnnxGraph.read(self._path)
        known: dict[tuple[str, ...], list[tuple[str, list[str]]]] = {}
        traces, first = [], 0
        for call, last in zip(super().finish(), self._calls_end, strict=True):
            events, first = self._events[first:last], last
            names = tuple(event[0] for event in events)
            if names not in known:
                known[names] = _placed(names, graph)
            layers = tuple(
                _record(at, event, name, group, graph, call.thread)
                for at, (event, (name, group)) in enumerate(zip(events, known[names], strict=True))
            )
            traces.append(PredictTrace(call.start_ns, call.duration_ns, call.thread, layers))
        return traces


def _kinds(kernel: str) -> list[tuple[str, ...]]:
    """ONNX's names of the parts of a kernel: ``fused_conv2d1_add2``."""
    return [_KINDS[word] for word in _WORD.findall(kernel)]


def _placed(kernels: Sequence[str], graph: OnnxGraph) -> list[tuple[str, list[str]]]:
    """The node that gives each kernel its name, and all nodes that it stands for.

    TVM does not keep ONNX's names: kernels are told by order and kind.
    """
    fitting = [
        {kind for part in _kinds(kernel) for kind in part if kind in _ANCHORS} for kernel in kernels
    ]
    nodes = [name for name, kind in graph.types.items() if kind in _ANCHORS]
    places = matched(fitting, [graph.types[name] for name in nodes])
    own = [kernel if at is None else nodes[at] for kernel, at in zip(kernels, places, strict=True)]
    return list(zip(own, graph.behind(own), strict=True))


def _record(
    index: int, event: _Event, name: str, group: list[str], graph: OnnxGraph, thread: int
) -> LayerRecord:
    kernel, start, end, shapes, dtype = event
    inputs, output = shapes[:-1], shapes[-1] if shapes else ()
    parts = _kinds(kernel)
    own = graph.type(name) or (parts[0][0] if parts else kernel)
    kind, fused = graph.kind(own, group)
    size = 1 if dtype == "bool" else int(re.sub(r"\D", "", dtype) or 8) // 8
    return LayerRecord(
        index=index,
        name=name,
        type=kind,
        start_ns=start,
        duration_ns=end - start,
        input_shapes=inputs,
        output_shapes=(output,),
        dtype=dtype,
        bytes=math.prod(output) * size,
        flops=flops(kind, inputs, output, graph.additions(kind, inputs, group), fused),
        thread=thread,
        attributes={"constituents": group, "kernel": kernel},
    )
