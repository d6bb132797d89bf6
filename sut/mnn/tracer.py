"""Layers of MNN, from what it calls before and after each operator."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import time_ns
from typing import Any

import numpy as np

from loadscope.sut.flops import flops
from loadscope.sut.mnn.mnn_import import MNN
from loadscope.sut.mnn.session import Run, dtype_of
from loadscope.sut.tracing.calls import Call, CallTracer
from loadscope.sut.tracing.record import LayerRecord, PredictTrace, Shape, Shapes
from loadscope.tensors import Tensors

# MNN's names, of the file's operators and of those that run, of what ONNX has another name for.
_TYPES = {
    "ADD": "Add",
    "ArgMax": "ArgMax",
    "BatchNorm": "BatchNormalization",
    "Convolution": "Conv",
    "ConvolutionDepthwise": "Conv",
    "DIV": "Div",
    "Deconvolution": "ConvTranspose",
    "DeconvolutionDepthwise": "ConvTranspose",
    "ERF": "Erf",
    "EXP": "Exp",
    "GELU": "Gelu",
    "GatherV2": "Gather",
    "HARDSWISH": "HardSwish",
    "Interp": "Resize",
    "LayerNorm": "LayerNormalization",
    "MAXIMUM": "Max",
    "MINIMUM": "Min",
    "MUL": "Mul",
    "NEG": "Neg",
    "POW": "Pow",
    "PReLU": "PRelu",
    "Permute": "Transpose",
    "REALDIV": "Div",
    "ReLU": "Relu",
    "ReLU6": "Clip",
    "SIGMOID": "Sigmoid",
    "SILU": "Swish",
    "SQRT": "Sqrt",
    "SUB": "Sub",
    "SliceTf": "Slice",
    "StridedSlice": "Slice",
    "TANH": "Tanh",
}
# Operators that run under these names are one of several of the file's.
_GENERAL = ("BinaryOp", "UnaryOp", "Raster", "While")
_MOVING = ("Concat", "GatherV2", "Permute", "Reshape", "SliceTf", "StridedSlice", "Unsqueeze")
# Which one is not told of these, nor of an operator that an activation is fused into. They count
# the same.
_COUNTED_AS = {
    "BinaryOp": "Add",
    "Pooling": "MaxPool",
    "Reduction": "ReduceMean",
    "UnaryOp": "Neg",
}
# The converter makes a convolution of a product with weights, under the product's name.
_PRODUCT = "__matmul_converted"
# MNN's counts are of a million for convolutions, of 2 to the 20th for others.
_MILLION, _MEBI = 1_000_000, 1 << 20

_Key = tuple[Shape, ...]


@dataclass(frozen=True)
class _Operator:
    """An operator that ran, described for batches of one shape."""

    name: str
    type: str
    counted: float
    inputs: Shapes
    outputs: Shapes
    dtype: str


@dataclass
class _Notes:
    """What is noted of one call: unix nanoseconds before and after each operator.

    Attributes:
        operators: Described where the shape is new, else None.
    """

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    operators: list[_Operator] | None = None

    def run(self, interpreter: Any, session: Any) -> int:
        """Run a session with its operators noted."""
        starts, ends = self.starts, self.ends
        before: Callable[[Any, Any], bool]
        after: Callable[[Any, Any], bool]
        if self.operators is None:

            def before(tensors: Any, operator: Any) -> bool:
                starts.append(time_ns())
                return True

            def after(tensors: Any, operator: Any) -> bool:
                ends.append(time_ns())
                return True

        else:
            described = self.operators
            inputs: list[Shape] = []

            def before(tensors: Any, operator: Any) -> bool:
                inputs[:] = [tuple(one.getShape()) for one in tensors]
                starts.append(time_ns())
                return True

            def after(tensors: Any, operator: Any) -> bool:
                ends.append(time_ns())
                described.append(
                    _Operator(
                        operator.getName(),
                        operator.getType(),
                        operator.getFlops(),
                        tuple(inputs),
                        tuple(tuple(one.getShape()) for one in tensors),
                        dtype_of(tensors[0]),
                    )
                )
                return True

        return int(interpreter.runSessionWithCallBackInfo(session, before, after))


class MnnTracer(CallTracer):
    """Runs the model with a stamp before and after each operator.

    Args:
        traced: Runs a batch, its session by what is given.
        path: The ``.mnn`` file, for what it calls its operators.
    """

    def __init__(self, traced: Callable[[Tensors, Run], Tensors], path: Path) -> None:
        self._traced, self._path = traced, path
        self._known: dict[_Key, list[_Operator]] = {}
        self._noted: list[tuple[Call, _Key, _Notes]] = []
        super().__init__(lambda batch: batch)

    def predict(self, batch: Tensors) -> Tensors:
        """Run the model and note the call."""
        key = tuple(array.shape for array in batch.values())
        notes = _Notes(operators=None if key in self._known else [])
        start = time_ns()
        outputs = self._traced(batch, notes.run)
        call = start, time_ns(), threading.get_native_id()
        if notes.operators is not None:
            self._known[key] = notes.operators
        self._noted.append((call, key, notes))
        return outputs

    def forget(self) -> None:
        """Drop the notes so far."""
        self._noted.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        types = {name: one.op_type for name, one in MNN.expr.load_as_dict(str(self._path)).items()}
        layers = {
            key: [_described(one, types) for one in operators]
            for key, operators in self._known.items()
        }
        return [
            PredictTrace(
                start,
                end - start,
                thread,
                tuple(
                    LayerRecord(index=index, start_ns=began, duration_ns=ended - began, **described)
                    for index, (began, ended, described) in enumerate(
                        zip(notes.starts, notes.ends, layers[key], strict=True)
                    )
                ),
            )
            for (start, end, thread), key, notes in self._noted
        ]


def _described(one: _Operator, types: dict[str, str]) -> dict[str, Any]:
    """The fields of a record but for its place and times."""
    kind = _type(one, types)
    # A product is run as a convolution of images of one pixel.
    inputs, outputs = (
        tuple(shape[:2] for shape in shapes) if kind == "Gemm" else shapes
        for shapes in (one.inputs, one.outputs)
    )
    size = math.prod(outputs[0])
    unit = _MILLION if one.type.startswith(("Conv", "Deconv")) else _MEBI
    window = round(one.counted * unit / size) if size else 0
    return {
        "name": one.name,
        "type": kind,
        "input_shapes": inputs,
        "output_shapes": outputs,
        "dtype": one.dtype,
        "bytes": sum(math.prod(shape) for shape in outputs) * np.dtype(one.dtype).itemsize,
        "flops": flops(_COUNTED_AS.get(kind, kind), inputs, outputs[0], window),
        "attributes": {"constituents": [], "operator": one.type},
    }


def _type(one: _Operator, types: dict[str, str]) -> str:
    """ONNX's name of an operator; MNN's own where it has none."""
    if one.name.endswith(_PRODUCT) and one.type == "Convolution":
        return "Gemm"
    origin, part, _ = one.name.partition("_raster_")
    of_file = types.get(origin, "")
    # Of an operator that computes, this brings its inputs into the order that it takes.
    if one.type == "Raster" and part and of_file not in _MOVING:
        return one.type
    kind = of_file if one.type in _GENERAL and of_file else one.type
    return _TYPES.get(kind, kind)
