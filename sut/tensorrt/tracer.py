"""Layers of TensorRT, from its profiler: how long each took, in their order."""

from collections.abc import Callable
from time import time_ns

import tensorrt as trt

from loadscope.sut.declared import samples
from loadscope.sut.tensorrt.lane import Lane
from loadscope.sut.tensorrt.layers import EngineLayer, Told, engine_layers, laid
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import PredictTrace
from loadscope.tensors import Tensors


class _Profiler(trt.IProfiler):  # type: ignore[misc]
    def __init__(self) -> None:
        trt.IProfiler.__init__(self)
        self.told: Told = []

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        self.told.append((layer_name, ms))


class TensorRtTracer(CallTracer):
    """Runs batches in a context that is asked for the times of its layers after each call.

    TensorRT tells durations alone, by events of its own: layers are laid end to end from the
    moment at which the engine was called.

    Args:
        predict: The backend's own, which makes the engine that a batch wants.
        lane: Makes a lane for so many samples.
        run: Runs a batch in a lane.
    """

    one_at_a_time = True

    def __init__(
        self,
        predict: Callable[[Tensors], Tensors],
        lane: Callable[[int], Lane],
        run: Callable[[Lane, Tensors], Tensors],
    ) -> None:
        self._predict, self._make, self._in_lane = predict, lane, run
        self._lane: Lane | None = None
        self._notes: list[tuple[int, Told]] = []
        self._layers: dict[str, EngineLayer] = {}
        super().__init__(self._traced)

    def _traced(self, batch: Tensors) -> Tensors:
        if self._lane is None or self._lane.most < samples(batch):
            self._predict(batch)
            self._lane = self._make(samples(batch))
            context = self._lane.context
            self._profiler = context.profiler = _Profiler()
            # Told when it is asked for, not within the call.
            context.enqueue_emits_profile = False
            inspector = context.engine.create_engine_inspector()
            told = inspector.get_engine_information(trt.LayerInformationFormat.JSON)
            self._layers |= engine_layers(told)
        begun = time_ns()
        outputs = self._in_lane(self._lane, batch)
        self._profiler.told = []
        self._lane.context.report_to_profiler()
        self._notes.append((begun, self._profiler.told))
        return outputs

    def forget(self) -> None:
        """Drop the notes so far."""
        super().forget()
        self._notes.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        traces = []
        for call, (begun, told) in zip(super().finish(), self._notes, strict=True):
            layers = tuple(laid(begun, told, self._layers, call.thread))
            traces.append(PredictTrace(call.start_ns, call.duration_ns, call.thread, layers))
        return traces
