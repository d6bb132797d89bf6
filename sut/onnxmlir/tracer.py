"""Layers of onnx-mlir, from the report that an instrumented library writes of each run."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from loadscope.errors import InputError, WorkError
from loadscope.sut.flops import flops
from loadscope.sut.onnxmlir.perf_report import OperationTime, Tensor, parse_report
from loadscope.sut.tracing.calls import Call, CallTracer
from loadscope.sut.tracing.nesting import nested
from loadscope.sut.tracing.onnx_graph import OnnxGraph
from loadscope.sut.tracing.record import LayerRecord, PredictTrace
from loadscope.tensors import Tensors

# Names of the accelerator's dialect (zhigh) that ONNX has another name for.
_TYPES = {
    "AvgPool2D": "AveragePool",
    "BatchNorm": "BatchNormalization",
    "Conv2D": "Conv",
    "DLF16ToF32": "Cast",
    "F32ToDLF16": "Cast",
    "InvSqrt": "Reciprocal",
    "MaxPool2D": "MaxPool",
    "MeanReduce2d": "ReduceMean",
}
_NNPA_CONVOLUTION = "zhigh.Conv2D"
# What the compiler's dialect needs around a graph, and no model asks for.
_BOOKKEEPING = frozenset({"onnx.Constant", "onnx.NoValue", "onnx.Return", "onnx.EntryPoint"})
_UNIX_NS = 10**18
"""No run lasts thirty years: a time beyond that is since 1970."""


class OnnxMlirTracer(CallTracer):
    """Runs an instrumented library, and takes its report after each run.

    The runtime keeps the times of a run in memory until it is asked to write them, which is done
    between the calls. The last shape that it tells of an operation is taken for its result.

    Args:
        session: The library's session.
        run: Runs a batch in a session.
        report: The file that the runtime appends to.
        model: The ONNX file that was compiled; None where only the library is there.

    Raises:
        InputError: The runtime cannot write times when it is asked.
    """

    # A report does not tell whose it is.
    one_at_a_time = True

    def __init__(
        self,
        session: Any,
        run: Callable[[Any, Tensors], Tensors],
        report: Path,
        model: Path | None,
    ) -> None:
        if not hasattr(session, "print_instrumentation"):
            raise InputError(
                "this onnx-mlir runtime tells of no layers: it has no print_instrumentation",
                "use a newer one, with its compiler, or --level framework",
            )
        super().__init__(lambda batch: run(session, batch))
        self._session, self._report, self._model = session, report, model
        self._read = report.stat().st_size if report.exists() else 0
        self._texts: list[str] = []

    def predict(self, batch: Tensors) -> Tensors:
        """Run the model, note the call, then take its report.

        Raises:
            WorkError: The library wrote none.
        """
        outputs = super().predict(batch)
        self._session.print_instrumentation()
        self._texts.append(self._new_text())
        return outputs

    def forget(self) -> None:
        """Drop the notes so far."""
        super().forget()
        self._texts.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        graph = OnnxGraph.read(self._model) if self._model else OnnxGraph()
        traces = []
        for text, call in zip(self._texts, self._calls, strict=True):
            operations = [
                one
                for one in parse_report(text, str(self._report))
                if one.operation not in _BOOKKEEPING
            ]
            layers = _records(operations, call, graph)
            start, end, thread = call
            traces.append(PredictTrace(start, end - start, thread, layers))
        return traces

    def _new_text(self) -> str:
        if self._report.exists():
            with self._report.open("rb") as file:
                file.seek(self._read)
                content = file.read()
            self._read += len(content)
            if content:
                return content.decode("utf-8", errors="replace")
        raise WorkError(
            "the onnx-mlir library wrote no times of operations",
            "give the ONNX file, or compile with --profile-ir-with-sig=ZHigh (Onnx without NNPA); "
            "ONNX_MLIR_NO_INSTRUMENT must not be set",
        )


def _records(
    operations: list[OperationTime], call: Call, graph: OnnxGraph
) -> tuple[LayerRecord, ...]:
    """The records of a call, those of a body behind the operation that ran it."""
    # The report has an operation's time when it ends.
    order = nested([(one.start_ns, one.duration_ns) for one in operations])
    return tuple(
        _record(at, operations[place], call, graph, parent)
        for at, (place, parent) in enumerate(order)
    )


def _record(
    index: int, found: OperationTime, call: Call, graph: OnnxGraph, parent: int | None = None
) -> LayerRecord:
    first, last, thread = call
    start = found.start_ns + (0 if found.start_ns > _UNIX_NS else first)
    # The report has whole microseconds, cut off.
    start = min(max(start, first), last)
    *given, result = found.tensors or (Tensor("", (0,)),)
    inputs = tuple(one.shape for one in given)
    kind = _TYPES.get(found.type, found.type)
    group = _constituents(found.name, graph)
    return LayerRecord(
        index=index,
        name=found.name,
        type=kind,
        start_ns=start,
        duration_ns=min(found.duration_ns, last - start),
        input_shapes=inputs,
        output_shapes=(result.shape,) if found.tensors else (),
        dtype=result.dtype,
        bytes=math.prod(result.shape) * _item_size(result.dtype),
        flops=flops(kind, inputs, result.shape, _window(found, kind, inputs, graph, group)),
        thread=thread,
        parent=parent,
        attributes={
            "constituents": group,
            "operator": found.operation,
            "device": found.device,
        },
    )


def _constituents(name: str, graph: OnnxGraph) -> list[str]:
    """The file's operators in one that is run, where the file is there to tell their names."""
    if name in graph.types:
        return [name]
    parts = name.split("-")
    return parts if all(part in graph.types for part in parts) else []


def _window(
    found: OperationTime,
    kind: str,
    inputs: tuple[tuple[int, ...], ...],
    graph: OnnxGraph,
    group: list[str],
) -> int:
    if kind == "Conv" and len(inputs) > 1:
        # The accelerator's kernels have the results' channels last.
        weights = inputs[1]
        return math.prod(weights[:-1] if found.operation == _NNPA_CONVOLUTION else weights[1:])
    if kind in ("Gemm", "MatMul") and inputs and inputs[0]:
        return inputs[0][-1]
    return math.prod(graph.window(group))


def _item_size(dtype: str) -> int:
    try:
        return np.dtype(dtype).itemsize if dtype else 0
    except TypeError:
        return 0
