"""A lane: one batch at a time; a short message through a pipe, the tensors in shared memory."""

import json
import mmap
import os
import select
import struct
import time
from typing import Any, Callable, Dict, List, Sequence, Tuple

from loadscope.sut.interpreter.guest.errors import WorkError, describe
from loadscope.sut.interpreter.guest.model import Model, Tensor, TensorInfo

MESSAGE_BYTES = 4096
"""A pipe takes so many at once or none of them."""
AWAKE_SECONDS = 100e-6
"""How long the next batch is awaited awake: where queries come one behind the other it is there by
then, and to be woken by another core takes a third of that. The framework has nothing to do
meanwhile."""
ALIGNMENT = 64
"""Of each tensor in a memory, bytes: a cache line."""

_FORMATS = {
    "bool": ("?", 1), "int8": ("b", 1), "uint8": ("B", 1), "int16": ("h", 2), "uint16": ("H", 2),
    "int32": ("il", 4), "uint32": ("IL", 4), "int64": ("lq", 8), "uint64": ("LQ", 8),
    "float16": ("e", 2), "float32": ("f", 4), "float64": ("d", 8),
}  # fmt: skip
"""The struct module's letters of a type, and its bytes."""

Predict = Callable[[int, int, Sequence[Tensor]], Sequence[Any]]
"""See ``Worker.predict``."""


def aligned(size: int) -> int:
    """Where the next tensor begins."""
    return -(-size // ALIGNMENT) * ALIGNMENT


class Memory:
    """Memory that two processes map, grown by the one that writes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._map = mmap.mmap(descriptor, os.fstat(descriptor).st_size)

    def room(self, size: int) -> mmap.mmap:
        """The memory, at least ``size`` bytes of it."""
        if size > len(self._map):
            if os.fstat(self._descriptor).st_size < size:
                os.ftruncate(self._descriptor, 2 * size)
            # The old mapping lives as long as tensors that look into it.
            self._map = mmap.mmap(self._descriptor, os.fstat(self._descriptor).st_size)
        return self._map


class Lane:
    """Answers batches until the other end is gone.

    Args:
        descriptors: The pipe of requests, that of replies, the memories of inputs and of outputs.
        model: Says which tensors there are.
        predict: Runs a batch.
    """

    def __init__(self, descriptors: Sequence[int], model: Model, predict: Predict) -> None:
        self._ask, self._answer = descriptors[:2]
        self._given, self._found = map(Memory, descriptors[2:])
        os.set_blocking(self._ask, False)
        self._asked = select.poll()
        self._asked.register(self._ask, select.POLLIN)
        self._model = model
        self._predict = predict
        self._calls: Dict[bytes, Tuple[int, int, List[Tensor]]] = {}

    def serve(self) -> None:
        """Answer batches; ``loadscope.sut.interpreter.lane`` says what a message is."""
        while True:
            message = self._next()
            if not message:
                return
            try:
                call = self._calls.get(message)
                if call is None:
                    call = self._calls[message] = self._prepared(message)
                reply = self._write(self._predict(*call))
            except BaseException as error:
                reply = b"!" + json.dumps(describe(error)).encode() + b"\n"
            try:
                os.write(self._answer, reply)
            except OSError:
                return

    def _next(self) -> bytes:
        """The next message; nothing when the other end is gone."""
        asleep = time.perf_counter() + AWAKE_SECONDS
        while True:
            try:
                return os.read(self._ask, MESSAGE_BYTES)
            except BlockingIOError:
                if time.perf_counter() > asleep:
                    self._asked.poll()

    def _prepared(self, message: bytes) -> Tuple[int, int, List[Tensor]]:
        numbers = struct.unpack("%dq" % (len(message) // 8), message)
        tracer, thread, sizes = numbers[0], numbers[1], list(numbers[2:])
        places = []
        end = 0
        for info in self._model.inputs:
            shape = tuple(sizes[: 1 + len(info.shape)])
            del sizes[: len(shape)]
            size = _FORMATS[info.dtype][1]
            for axis in shape:
                size *= axis
            places.append((info, shape, end, size))
            end = aligned(end + size)
        memory = self._given.room(end)
        tensors = [Tensor(info, shape, memory, at, size) for info, shape, at, size in places]
        return tracer, thread, tensors

    def _write(self, outputs: Sequence[Any]) -> bytes:
        if len(outputs) != len(self._model.outputs):
            raise WorkError(
                "the program gave {} outputs, the manifest names {}".format(
                    len(outputs), len(self._model.outputs)
                )
            )
        views = []
        numbers: List[int] = []
        end = 0
        for info, output in zip(self._model.outputs, outputs):
            view = memoryview(output)
            _require_declared(info, view)
            numbers.append(view.ndim)
            numbers += view.shape or ()
            views.append((end, view))
            end = aligned(end + view.nbytes)
        memory = self._found.room(end)
        for at, view in views:
            if view.nbytes:
                memory[at : at + view.nbytes] = view.cast("B")
        return b"=" + struct.pack("%dq" % len(numbers), *numbers)


def _require_declared(info: TensorInfo, view: memoryview) -> None:
    letters, size = _FORMATS[info.dtype]
    if view.itemsize != size or view.format not in letters or not view.c_contiguous:
        raise WorkError(
            "output '{}': expected C-contiguous {}, got items of {} bytes of the format {}".format(
                info.name, info.dtype, view.itemsize, view.format
            ),
            "correct outputs in the model's manifest",
        )
