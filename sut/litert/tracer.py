"""Layers of LiteRT, from the profiler of its C library."""

from collections.abc import Callable

from loadscope.sut.litert.graph import FileGraph, Operator
from loadscope.sut.litert.native import Event, ProfiledModel
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import LayerRecord, PredictTrace, Shape
from loadscope.tensors import Tensors

_Shapes = tuple[Shape, ...]


class LiteRtTracer(CallTracer):
    """Runs the file in LiteRT's C library, whose kernels are those of its interpreter.

    XNNPACK tells how long each of its kernels took, in whole microseconds, and not when it
    began: a call's layers stand one behind the other.

    Args:
        model: The file in that library.
        graph: What the file says of its operators.
        run: Runs a batch with a function that answers the inputs of the file.
    """

    # There is one profiler.
    one_at_a_time = True

    def __init__(
        self,
        model: ProfiledModel,
        graph: FileGraph,
        run: Callable[[Callable[[Tensors], Tensors], Tensors], Tensors],
    ) -> None:
        self._model, self._graph = model, graph
        self._notes: list[tuple[_Shapes, list[Event]]] = []

        def profiled(batch: Tensors) -> Tensors:
            outputs, events = model.run(batch)
            shapes = tuple(batch[port.name].shape for port in graph.inputs)
            self._notes.append((shapes, events))
            return outputs

        super().__init__(lambda batch: run(profiled, batch))

    def forget(self) -> None:
        """Drop the notes so far."""
        super().forget()
        self._notes.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        self._model.close()
        known: dict[_Shapes, list[Operator]] = {}
        traces = []
        for call, (shapes, events) in zip(super().finish(), self._notes, strict=True):
            if shapes not in known:
                known[shapes] = self._graph.operators(shapes, events)
            layers, passed = [], 0
            for index, (one, event) in enumerate(zip(known[shapes], events, strict=True)):
                layers.append(
                    LayerRecord(
                        index=index,
                        name=one.name,
                        type=one.type,
                        start_ns=call.start_ns + passed,
                        duration_ns=event.duration_ns,
                        input_shapes=one.inputs,
                        output_shapes=one.outputs,
                        dtype=one.dtype,
                        bytes=one.bytes,
                        flops=one.flops,
                        thread=call.thread,
                        attributes={
                            "constituents": list(one.constituents),
                            "operator": one.operator,
                            "kernel": event.kernel,
                        },
                    )
                )
                passed += event.duration_ns
            traces.append(PredictTrace(call.start_ns, call.duration_ns, call.thread, tuple(layers)))
        return traces
