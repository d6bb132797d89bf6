"""Layers of ncnn, from taking the result of each in turn."""

import math
import threading
from collections.abc import Sequence
from time import time_ns
from typing import Any

import numpy as np

from loadscope.errors import WorkError
from loadscope.sut.flops import flops
from loadscope.sut.ncnn.files import Layer
from loadscope.sut.ncnn.network import Network, extracted
from loadscope.sut.tracing.calls import Call, CallTracer
from loadscope.sut.tracing.record import LayerRecord, PredictTrace, Shape, Shapes
from loadscope.tensors import Tensors

_TYPES = {
    "BatchNorm": "BatchNormalization",
    "Convolution": "Conv",
    "ConvolutionDepthWise": "Conv",
    "Crop": "Slice",
    "Deconvolution": "ConvTranspose",
    "DeconvolutionDepthWise": "ConvTranspose",
    "GELU": "Gelu",
    "InnerProduct": "Gemm",
    "Interp": "Resize",
    "LayerNorm": "LayerNormalization",
    "Padding": "Pad",
    "Permute": "Transpose",
    "ReLU": "Relu",
    "Slice": "Split",
    # It hands one result to several layers.
    "Split": "Identity",
    "TanH": "Tanh",
}
_BINARY = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Sub", "Div")
_POOLING = ("MaxPool", "AveragePool")
_REDUCTION = {0: "ReduceSum", 3: "ReduceMean", 4: "ReduceMax", 5: "ReduceMin"}
# Parameter 9 of a convolution: what is applied to its results.
_ACTIVATIONS = {1: "Relu", 2: "LeakyRelu", 3: "Clip", 4: "Sigmoid", 5: "Mish", 6: "HardSwish"}
_BYTES = {4: "float32", 2: "float16", 1: "int8"}
# As ncnn's layers left them: neither converted nor put into plain order.
_AS_IT_IS = 1


class NcnnTracer(CallTracer):
    """Asks for the result of each layer in turn, and keeps all of them until the call ends.

    A call takes longer for it: no layer can work in the memory of the one before.

    Args:
        network: The loaded network.
        outputs: The outputs to answer with.
    """

    def __init__(self, network: Network, outputs: Sequence[str]) -> None:
        self._network, self._outputs = network, outputs
        self._layers = [one for one in network.layers if one.type != "Input"]
        self._shapes: dict[str, tuple[Shape, str]] = {}
        self._noted: list[tuple[Call, list[int]]] = []
        super().__init__(lambda batch: batch)

    def predict(self, batch: Tensors) -> Tensors:
        """Run the network and note the call."""
        start = time_ns()
        extractor = self._network.extractor({name: array[0] for name, array in batch.items()})
        extractor.set_light_mode(False)
        stamps = [time_ns()]
        results: list[list[Any]] = []
        for layer in self._layers:
            found = [extractor.extract(name, _AS_IT_IS) for name in layer.outputs]
            stamps.append(time_ns())
            if any(status for status, _ in found):
                raise WorkError(f"ncnn failed in layer '{layer.name}' ({layer.type})")
            results.append([mat for _, mat in found])
        outputs = {name: extracted(extractor, name)[None] for name in self._outputs}
        self._noted.append(((start, time_ns(), threading.get_native_id()), stamps))
        if not self._shapes:
            self._shapes = {
                name: _described(mat)
                for layer, mats in zip(self._layers, results, strict=True)
                for name, mat in zip(layer.outputs, mats, strict=True)
            } | {name: (array.shape, array.dtype.name) for name, array in batch.items()}
        return outputs

    def forget(self) -> None:
        """Drop the notes so far."""
        self._noted.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        fields = [self._fields(layer) for layer in self._layers]
        return [
            PredictTrace(
                start,
                end - start,
                thread,
                tuple(
                    LayerRecord(
                        index=index,
                        start_ns=stamps[index],
                        duration_ns=stamps[index + 1] - stamps[index],
                        **each,
                    )
                    for index, each in enumerate(fields)
                ),
            )
            for (start, end, thread), stamps in self._noted
        ]

    def _fields(self, layer: Layer) -> dict[str, Any]:
        """The fields of a layer's records but for place and times."""
        inputs: Shapes = tuple(self._shapes[name][0] for name in layer.inputs)
        outputs: Shapes = tuple(self._shapes[name][0] for name in layer.outputs)
        dtype = self._shapes[layer.outputs[0]][1]
        kind, window = _kind(layer), _window(layer)
        if kind == "GlobalAveragePool":
            window = 0
        fused = filter(None, [_ACTIVATIONS.get(layer.number(9)) if window else None])
        return {
            "name": layer.name,
            "type": kind,
            "input_shapes": inputs,
            "output_shapes": outputs,
            "dtype": dtype,
            "bytes": sum(map(math.prod, outputs)) * np.dtype(dtype).itemsize,
            "flops": flops(kind, inputs, outputs[0], window, list(fused)),
            "attributes": {"constituents": [], "operator": layer.type},
        }


def _kind(layer: Layer) -> str:
    """ONNX's name of a layer."""
    which = layer.number(0)
    if layer.type == "BinaryOp" and which < len(_BINARY):
        return _BINARY[which]
    if layer.type == "Pooling":
        return "GlobalAveragePool" if layer.number(4) and which else _POOLING[which]
    if layer.type == "Reduction":
        return _REDUCTION.get(which, layer.type)
    return _TYPES.get(layer.type, layer.type)


def _window(layer: Layer) -> int:
    """The products, or cells, for each number of a layer's result."""
    if layer.type.startswith("Convolution"):
        return layer.number(6) // max(1, layer.number(0))
    if layer.type == "InnerProduct":
        return layer.number(2) // max(1, layer.number(0))
    if layer.type == "Pooling":
        return layer.number(1) * layer.number(11, layer.number(1))
    return 0


def _described(mat: Any) -> tuple[Shape, str]:
    """Shape with a batch of one, and type, of what several numbers may be packed together in."""
    sizes = {1: (mat.w,), 2: (mat.h, mat.w), 3: (mat.c, mat.h, mat.w)}
    first, *rest = sizes.get(mat.dims, (mat.c, mat.d, mat.h, mat.w))
    return (1, first * mat.elempack, *rest), _BYTES.get(mat.elemsize // mat.elempack, "float32")
