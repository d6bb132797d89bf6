"""The calls of a framework, noted as cheaply as Python can."""

import threading
from collections.abc import Callable
from time import time_ns

from loadscope.sut.tracing.record import PredictTrace
from loadscope.tensors import Tensors

Call = tuple[int, int, int]
"""Start and end, unix nanoseconds, and the calling thread's id."""


class CallTracer:
    """Notes when each call begins and ends, and nothing inside.

    Args:
        run: The framework's own call.
    """

    one_at_a_time = False

    def __init__(self, run: Callable[[Tensors], Tensors]) -> None:
        self._run = run
        self._calls: list[Call] = []

    def predict(self, batch: Tensors) -> Tensors:
        """Run the model and note the call."""
        start = time_ns()
        outputs = self._run(batch)
        self._calls.append((start, time_ns(), threading.get_native_id()))
        return outputs

    def forget(self) -> None:
        """Drop the notes so far."""
        self._calls.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls, without layers."""
        return [PredictTrace(start, end - start, thread) for start, end, thread in self._calls]
