"""Traced calls: when each began and ended, and what a program's tracer tells of it."""

import time
from typing import Any, List, Sequence

from loadscope.sut.interpreter.guest.model import Tensor


def _since_epoch() -> int:
    return int(time.time() * 1e9)


# Python 3.6 has none.
time_ns = getattr(time, "time_ns", _since_epoch)


class CallNotes:
    """Notes the calls of a program.

    Args:
        program: A loaded ``Program``.
        tracer: Its ``Tracer``; None to note the calls alone.
    """

    def __init__(self, program: Any, tracer: Any) -> None:
        self._run = (tracer or program).predict
        self._tracer = tracer
        self._calls: List[List[int]] = []

    def predict(self, inputs: Sequence[Tensor], thread: int) -> Any:
        """Run the model and note the call, which ``thread`` of the measured process waits for."""
        start = time_ns()
        outputs = self._run(inputs)
        self._calls.append([start, time_ns(), thread])
        return outputs

    def forget(self) -> None:
        """Drop the notes so far."""
        del self._calls[:]
        if self._tracer is not None:
            self._tracer.forget()

    def finish(self) -> List[Any]:
        """Start, end, thread and layers of each call."""
        if self._tracer is None:
            return [[*call, None] for call in self._calls]
        return [[*call, one] for call, one in zip(self._calls, self._tracer.layers())]
