"""Layers of OpenCV DNN, from the profile that it always takes."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from loadscope.sut.backend import Artifact
from loadscope.sut.flops import flops
from loadscope.sut.opencv.net import Net
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.onnx_graph import OnnxGraph
from loadscope.sut.tracing.record import LayerRecord, PredictTrace, Shape, Shapes
from loadscope.tensors import Tensors

_TYPES = {
    "Convolution": "Conv", "Deconvolution": "ConvTranspose", "Eltwise": "Add",
    "InnerProduct": "Gemm", "Padding": "Pad", "Permute": "Transpose", "Power": "Mul",
    "ReLU": "Relu", "ReLU6": "Clip",
}  # fmt: skip
_BYTES = 4
_Key = tuple[Shape, ...]


class OpenCvTracer(CallTracer):
    """Reads how long each layer of a call took.

    OpenCV gives a time for every layer and does not tell when it began: a call's layers stand one
    behind the other. What it has fused into the layer before has no time, and is among that one's
    constituents.

    Args:
        net: The network.
        artifact: Its file.
        run: Runs a batch in it.
    """

    # The profile is that of the last call.
    one_at_a_time = True

    def __init__(self, net: Net, artifact: Artifact, run: Callable[[Tensors], Tensors]) -> None:
        super().__init__(run)
        self._net, self._artifact = net, artifact
        self._notes: list[tuple[_Key, Any]] = []

    def predict(self, batch: Tensors) -> Tensors:
        """Run the network and note its profile."""
        outputs = super().predict(batch)
        shapes = tuple(batch[one.name].shape for one in self._artifact.inputs)
        self._notes.append((shapes, np.array(self._net.net.getPerfProfile()[1]).ravel()))
        return outputs

    def forget(self) -> None:
        """Drop the notes so far."""
        super().forget()
        self._notes.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        layers = _Layers(self._net, self._artifact)
        unit = 1e9 / cv2.getTickFrequency()
        traces = []
        for call, (shapes, ticks) in zip(super().finish(), self._notes, strict=True):
            records = layers.records(shapes, (ticks * unit).astype(int).tolist(), call.start_ns)
            traces.append(PredictTrace(call.start_ns, call.duration_ns, call.thread, records))
        return traces


class _Layers:
    """What the layers of a network are, for each shape of a batch and what was fused in it."""

    def __init__(self, net: Net, artifact: Artifact) -> None:
        self._net, self._artifact = net, artifact
        onnx = artifact.format == "onnx"
        self._graph = OnnxGraph.read(artifact.path) if onnx else OnnxGraph()
        self._names = [net.file_name(name) for name in net.net.getLayerNames()]
        self._layers = [net.net.getLayer(name) for name in net.net.getLayerNames()]
        self._known: dict[tuple[_Key, tuple[int, ...]], list[LayerRecord]] = {}

    def records(self, given: _Key, spent: Sequence[int], start: int) -> tuple[LayerRecord, ...]:
        ran = tuple(at for at, each in enumerate(spent) if each)
        if (given, ran) not in self._known:
            self._known[given, ran] = self._described(given, ran)
        found, passed = [], start
        for at, one in zip(ran, self._known[given, ran], strict=True):
            found.append(_timed(one, passed, spent[at]))
            passed += spent[at]
        return tuple(found)

    def _described(self, given: _Key, ran: Sequence[int]) -> list[LayerRecord]:
        shapes = self._shapes(given)
        groups = self._groups(ran)
        found = []
        for index, (at, group) in enumerate(zip(ran, groups, strict=True)):
            inputs, outputs = shapes[at]
            own = self._layers[at].type
            types = [self._type(self._names.index(name)) for name in group if name in self._names]
            kind = self._type(at)
            fused = [each for each in types if each != kind]
            if "Gelu" not in types:
                main, others = self._graph.kind(kind, group)
                kind, fused = (main, others) if others else (kind, fused)
            found.append(
                LayerRecord(
                    index=index,
                    name=self._names[at],
                    type=kind,
                    start_ns=0,
                    duration_ns=0,
                    input_shapes=inputs,
                    output_shapes=outputs,
                    dtype="float32",
                    bytes=sum(map(math.prod, outputs)) * _BYTES,
                    flops=flops(
                        kind, inputs, outputs[0], self._window(at, kind, inputs, group), fused
                    ),
                    attributes={"constituents": group, "operator": own},
                )
            )
        return found

    def _type(self, at: int) -> str:
        own = self._layers[at].type
        return self._graph.type(self._names[at]) or _TYPES.get(own, own)

    def _window(self, at: int, kind: str, inputs: Shapes, group: list[str]) -> int:
        found = self._graph.additions(kind, inputs, group) if self._graph.types else 0
        if not found and kind in ("Conv", "Gemm") and self._layers[at].blobs:
            return math.prod(self._layers[at].blobs[0].shape[1:])
        return found

    def _shapes(self, given: _Key) -> list[tuple[Shapes, Shapes]]:
        """Inputs and outputs of each layer."""
        if self._net.moves_channels:
            given = tuple((one[0], one[3], *one[1:3]) if len(one) == 4 else one for one in given)
        asked: Any = [list(one) for one in given]
        _, inputs, outputs = self._net.net.getLayersShapes(asked if len(asked) > 1 else asked[0])
        # The first is the input itself.
        return [
            (_plain(one), _plain(other)) for one, other in zip(inputs[1:], outputs[1:], strict=True)
        ]

    def _groups(self, ran: Sequence[int]) -> list[list[str]]:
        """The operators of the file in each layer that ran, its own first.

        Where the file does not say whose results one takes, it is in the layer before it.
        """
        if self._graph.types:
            return self._graph.behind([self._names[at] for at in ran])
        ends = [*ran[1:], len(self._names)]
        starts = [0, *ran[1:]]
        return [
            [self._names[at], *(name for name in self._names[start:end] if name != self._names[at])]
            for at, start, end in zip(ran, starts, ends, strict=True)
        ]


def _timed(one: LayerRecord, start: int, duration: int) -> LayerRecord:
    return LayerRecord(
        one.index, one.name, one.type, start, duration, one.input_shapes, one.output_shapes,
        one.dtype, one.bytes, one.flops, attributes=one.attributes,
    )  # fmt: skip


def _plain(shapes: Any) -> Shapes:
    return tuple(tuple(int(size) for size in shape) for shape in shapes)
