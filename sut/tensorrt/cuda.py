"""What TensorRT needs of CUDA: memory, streams and events, by NVIDIA's cuda-python.

Its functions return a tuple of the error and the results (CUDA Python, ``cuda.bindings.runtime``).
"""

import contextlib
import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError, WorkError

try:
    from cuda.bindings import runtime as api
except ImportError as error:
    raise InputError(
        "TensorRT needs cuda-python, which is not installed here", "pip install cuda-python"
    ) from error

_OUT_OF_MEMORY = api.cudaError_t.cudaErrorMemoryAllocation
_TO_DEVICE = api.cudaMemcpyKind.cudaMemcpyHostToDevice
_TO_HOST = api.cudaMemcpyKind.cudaMemcpyDeviceToHost


class CudaFullError(Exception):
    """There is no memory left on the device."""


def called(told: tuple[Any, ...]) -> Any:
    """The result of a call of CUDA.

    Raises:
        CudaFullError: The device's memory is full.
        WorkError: It failed otherwise.
    """
    error, *results = told
    if error == _OUT_OF_MEMORY:
        raise CudaFullError
    if error != api.cudaError_t.cudaSuccess:
        raise WorkError(f"CUDA failed: {error.name}", "see nvidia-smi and the kernel's log")
    return results[0] if len(results) == 1 else tuple(results)


def use(number: int) -> None:
    """Choose the device of the calling thread."""
    called(api.cudaSetDevice(number))


def current() -> int:
    """The device of the calling thread."""
    return int(called(api.cudaGetDevice()))


def memory() -> tuple[int, int]:
    """Bytes of the device's memory: free, and all."""
    free, total = called(api.cudaMemGetInfo())
    return int(free), int(total)


class Queue:
    """A stream, with the event that is waited for."""

    def __init__(self) -> None:
        self._stream = called(api.cudaStreamCreateWithFlags(api.cudaStreamNonBlocking))
        self._event = called(api.cudaEventCreateWithFlags(api.cudaEventDisableTiming))

    @property
    def handle(self) -> int:
        """The stream as other libraries take it."""
        return int(self._stream)

    def wait(self) -> None:
        """Wait for all that was queued until now."""
        called(api.cudaEventRecord(self._event, self._stream))
        called(api.cudaEventSynchronize(self._event))

    def to_device(self, pair: "Pair", size: int) -> None:
        """Queue a copy of so many bytes."""
        called(api.cudaMemcpyAsync(pair.device, pair.address, size, _TO_DEVICE, self._stream))

    def to_host(self, pair: "Pair", size: int) -> None:
        """Queue a copy of so many bytes."""
        called(api.cudaMemcpyAsync(pair.address, pair.device, size, _TO_HOST, self._stream))

    def __del__(self) -> None:
        # At the interpreter's end CUDA may be gone.
        with contextlib.suppress(Exception):
            api.cudaEventDestroy(self._event)
            api.cudaStreamDestroy(self._stream)


class Pair:
    """A buffer on the device, and pinned memory of the host of the same size.

    Args:
        size: Bytes.

    Attributes:
        device: Its address there.
        address: Its address here.
    """

    def __init__(self, size: int) -> None:
        self.address = self.device = 0
        self.device = int(called(api.cudaMalloc(max(1, size))))
        self.address = int(called(api.cudaMallocHost(max(1, size))))
        place = (ctypes.c_uint8 * max(1, size)).from_address(self.address)
        self._bytes = np.ctypeslib.as_array(place)

    def array(self, dtype: "np.dtype[Any]", shape: tuple[int, ...]) -> NDArray[Any]:
        """The host's memory as an array; not copied."""
        size = int(np.prod(shape)) * dtype.itemsize
        return self._bytes[:size].view(dtype).reshape(shape)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            if self.device:
                api.cudaFree(self.device)
            if self.address:
                api.cudaFreeHost(self.address)
