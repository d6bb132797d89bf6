"""Our end of a lane: inputs go into shared memory, a short message says that they are there.

A message is 64-bit integers: the number of the tracer or -1, the calling thread, the sizes of each
input in the declared order. The reply is ``=`` and, for each output, its rank and sizes; or ``!``
and a line of JSON, an error. This end blocks in a read of a pipe while the framework works: a loop
would take a core from it. The other end, which waits while the framework has nothing to do, stays
awake for a tenth of a millisecond first.
"""

import contextlib
import json
import math
import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import WorkError
from loadscope.mapped_memory import MappedMemory
from loadscope.sut.backend import TensorInfo
from loadscope.sut.interpreter.guest.lane import MESSAGE_BYTES, aligned
from loadscope.sut.interpreter.process import answered
from loadscope.tensors import Tensors, fits

Shapes = tuple[tuple[int, ...], ...]


@dataclass
class _Call:
    """Batches of one shape.

    Attributes:
        sizes: The inputs', as the message has them.
        inputs: Arrays in the memory, to be filled.
        reply: What came last.
        outputs: Arrays in the memory that hold what that reply stands for.
    """

    sizes: bytes
    inputs: list[NDArray[Any]]
    reply: bytes = b""
    outputs: tuple[NDArray[Any], ...] = ()


class Lane:
    """One batch at a time.

    Args:
        inputs: The declared inputs.
        outputs: The declared outputs.
        lost: Makes the error to raise when the other end is gone.

    Attributes:
        theirs: The descriptors of the other end, to be sent and then closed.
    """

    def __init__(
        self,
        inputs: Sequence[TensorInfo],
        outputs: Sequence[TensorInfo],
        lost: Callable[[], WorkError],
    ) -> None:
        self._inputs, self._outputs = inputs, outputs
        self._names = [info.name for info in inputs]
        self._lost = lost
        requests, self._ask = os.pipe()
        self._answer, replies = os.pipe()
        self._given, self._found = MappedMemory.create(), MappedMemory.create()
        self.theirs = [requests, replies, self._given.descriptor, self._found.descriptor]
        self._calls: dict[Shapes, _Call] = {}

    def sent(self) -> None:
        """Close what the other end has now: it must be the only one, or its end is not noticed."""
        for descriptor in self.theirs[:2]:
            os.close(descriptor)

    def predict(self, batch: Tensors, tracer: int = -1, thread: int = 0) -> Tensors:
        """Have a batch answered.

        Args:
            batch: The declared inputs, C-contiguous.
            tracer: The number of the tracer that notes the call.
            thread: The calling thread, for that note.

        Returns:
            The declared outputs, the caller's own.

        Raises:
            InputError, WorkError: What the program raised, or that it is gone.
        """
        arrays = [batch[name] for name in self._names]
        key = tuple([one.shape for one in arrays])
        call = self._calls.get(key)
        if call is None:
            call = self._calls[key] = self._prepared(key)
        for target, given in zip(call.inputs, arrays, strict=True):
            target[...] = given
        reply = self._exchange(array("q", (tracer, thread)).tobytes() + call.sizes)
        if reply != call.reply:
            call.outputs = self._views(reply)
            call.reply = reply
        return {
            info.name: found.copy() for info, found in zip(self._outputs, call.outputs, strict=True)
        }

    def close(self) -> None:
        """Close the pipes; the memory goes with what looks into it."""
        for descriptor in (self._ask, self._answer, *self.theirs[2:]):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _exchange(self, message: bytes) -> bytes:
        try:
            os.write(self._ask, message)
            reply = os.read(self._answer, MESSAGE_BYTES)
            while reply[:1] == b"!" and reply[-1:] != b"\n":
                more = os.read(self._answer, MESSAGE_BYTES)
                if not more:
                    raise self._lost()
                reply += more
        except OSError as error:
            raise self._lost() from error
        if not reply:
            raise self._lost()
        if reply[:1] == b"!":
            answered({"error": json.loads(reply[1:])})
        return reply

    def _prepared(self, shapes: Shapes) -> _Call:
        places, end = [], 0
        for info, shape in zip(self._inputs, shapes, strict=True):
            dtype = np.dtype(info.dtype)
            places.append((shape, dtype, end))
            end = aligned(end + math.prod(shape) * dtype.itemsize)
        memory = self._given.room(end)
        return _Call(
            array("q", [size for shape in shapes for size in shape]).tobytes(),
            [np.ndarray(shape, dtype, memory, at) for shape, dtype, at in places],
        )

    def _views(self, reply: bytes) -> tuple[NDArray[Any], ...]:
        numbers, end, places = np.frombuffer(reply, np.int64, offset=1).tolist(), 0, []
        for info in self._outputs:
            rank, *numbers = numbers
            shape, numbers = tuple(numbers[:rank]), numbers[rank:]
            if not fits(shape[1:], info.shape):
                raise WorkError(
                    f"output '{info.name}': expected {['batch', *info.shape]}, got {list(shape)}",
                    "correct outputs in the model's manifest",
                )
            dtype = np.dtype(info.dtype)
            places.append((shape, dtype, end))
            end = aligned(end + math.prod(shape) * dtype.itemsize)
        memory = self._found.room(end)
        return tuple(np.ndarray(shape, dtype, memory, at) for shape, dtype, at in places)
