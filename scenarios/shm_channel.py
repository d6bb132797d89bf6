"""A channel: one batch at a time from the measured process to an instance, and its payloads back.

Requests and replies are short messages on a socket; payloads lie in memory that both ends map,
so LoadGen copies them straight from where the instance wrote them. Both ends are on one host:
messages are in its byte order. The payloads themselves are little-endian, as everywhere.
"""

import json
from array import array
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.task import Payloads
from loadscope.errors import WorkError, describe, described
from loadscope.mapped_memory import MappedMemory

_FAILED, _SAME_SIZE, _RAGGED = b"!", b"=", b"~"


class Channel:
    """The measured process's end: one request under way at a time.

    Args:
        connection: The socket.
        memory: The memory that the other end writes payloads to.
        lost: Makes the error to raise when the other end is gone.
    """

    def __init__(
        self,
        connection: "Connection[Any, Any]",
        memory: MappedMemory,
        lost: Callable[[], WorkError],
    ) -> None:
        self._connection = connection
        self._memory = memory
        self._lost = lost

    def compute(self, indices: Sequence[int]) -> Payloads:
        """Have samples answered.

        Returns:
            Views into the shared memory, valid until the next call.

        Raises:
            InputError, WorkError: What the instance raised, or that it is gone.
        """
        reply = self._exchange(array("q", indices).tobytes())
        sizes = np.frombuffer(reply, np.int64, offset=1)
        if reply[:1] == _SAME_SIZE:
            rows, columns = map(int, sizes)
            return np.ndarray((rows, columns), "<f4", self._memory.room(4 * rows * columns))
        ends = np.cumsum(sizes)
        memory = self._memory.room(int(ends[-1]) if len(ends) else 0)
        return [
            np.ndarray((size // 4,), "<f4", memory, end - size)
            for size, end in zip(sizes.tolist(), ends.tolist(), strict=True)
        ]

    def _exchange(self, message: bytes) -> bytes:
        try:
            self._connection.send_bytes(message)
            reply = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        require_done(reply)
        return reply


def serve(
    connection: "Connection[Any, Any]",
    memory: MappedMemory,
    compute: Callable[[Sequence[int]], Payloads],
) -> bool:
    """The instance's end: answer the request that waits on ``connection``.

    Returns:
        Whether another may follow; False when the measured process is gone.
    """
    try:
        indices = np.frombuffer(connection.recv_bytes(), np.int64).tolist()
    except (EOFError, OSError):
        return False
    try:
        reply = _write(compute(indices), memory)
    except BaseException as error:
        reply = failure(error)
    try:
        connection.send_bytes(reply)
    except OSError:
        return False
    return True


def failure(error: BaseException) -> bytes:
    """A reply that makes the other end raise ``error``'s like."""
    return _FAILED + json.dumps(describe(error)).encode()


def require_done(reply: bytes) -> None:
    """Raise what the other end's ``failure`` says, if the reply is one.

    Raises:
        InputError, WorkError: The message, with the other end's traceback as the cause.
    """
    if reply[:1] == _FAILED:
        said = json.loads(reply[1:])
        raise described(said) from RuntimeError("".join(said["traceback"]))


def _write(payloads: Payloads, memory: MappedMemory) -> bytes:
    if isinstance(payloads, np.ndarray):
        _copy([_little_endian(payloads)], memory)
        return _SAME_SIZE + array("q", [len(payloads), payloads.size // len(payloads)]).tobytes()
    parts = [_little_endian(payload) for payload in payloads]
    _copy(parts, memory)
    return _RAGGED + array("q", [part.nbytes for part in parts]).tobytes()


def _copy(parts: list[NDArray[np.float32]], memory: MappedMemory) -> None:
    size = sum(part.nbytes for part in parts)
    target = np.frombuffer(memory.room(size), np.uint8, size)
    at = 0
    for part in parts:
        target[at : at + part.nbytes] = np.frombuffer(part.reshape(-1).view(np.uint8), np.uint8)
        at += part.nbytes


def _little_endian(array: NDArray[Any]) -> NDArray[np.float32]:
    if array.dtype != np.dtype("<f4") or not array.flags.c_contiguous:
        raise WorkError(
            f"a payload of type {array.dtype.str} is not contiguous and little-endian float32",
            "the post-processing must return '<f4' arrays in C order",
        )
    return array
