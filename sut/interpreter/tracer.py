"""Traces of a model in another Python: times from there, described here."""

import threading
from collections.abc import Callable
from typing import Any

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.info import BackendInfo, named
from loadscope.sut.interpreter.process import Worker
from loadscope.sut.tracing.record import LayerRecord, PredictTrace
from loadscope.tensors import Tensors

Describe = Callable[[Any, int, int, Artifact], tuple[LayerRecord, ...]]
"""Makes records of what a program's tracer tells of one call, given also when the call began and
how long it took (Unix time and nanoseconds), and the model."""

Run = Callable[[Tensors, int, int], Tensors]
"""See ``InterpreterBackend.run``."""


class InterpreterTracer:
    """Has the worker note calls.

    Args:
        worker: Where the model is.
        info: Of the backend.
        artifact: The model.
        with_layers: Whether the program tells of layers too.
        run: Runs a batch, noted by a tracer of the worker's.

    Raises:
        InputError: The backend tells of no layers.
    """

    def __init__(
        self, worker: Worker, info: BackendInfo, artifact: Artifact, with_layers: bool, run: Run
    ) -> None:
        self.one_at_a_time = with_layers
        self._worker, self._artifact, self._run = worker, artifact, run
        self._describe: Describe | None = None
        if with_layers:
            if info.interpreter is None or not info.interpreter.layers:
                raise InputError(
                    f"{info.title} does not tell of its layers", "use --level framework"
                )
            self._describe = named(info.interpreter.layers)
        self._number: int = worker.ask("trace", layers=with_layers)["tracer"]

    def predict(self, batch: Tensors) -> Tensors:
        """Run the model and have the call noted."""
        return self._run(batch, self._number, threading.get_native_id())

    def forget(self) -> None:
        """Drop the notes so far."""
        self._worker.ask("forget", tracer=self._number)

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        found = self._worker.ask("finish", tracer=self._number)["calls"]
        return [
            PredictTrace(start, end - start, thread, self._layers(told, start, end - start))
            for start, end, thread, told in found
        ]

    def _layers(self, told: Any, start: int, duration: int) -> tuple[LayerRecord, ...]:
        if self._describe is None:
            return ()
        return self._describe(told, start, duration, self._artifact)
