"""Calls of a model on an accelerator: each on a stream of its own, through pinned memory.

A call copies its batch into pinned memory, and queues on its stream the copy to the device, the
network, and the copy back; then it waits for the event behind them. Nothing waits for the whole
device, so one call's copies overlap with another's computing.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from loadscope.tensors import Tensors

Forward = Callable[..., dict[str, Tensor]]
"""Takes the inputs on the device, in order; gives the outputs by name, on the device."""

STREAMED = ("cuda", "xpu")
"""The kinds of device that have streams, events and pinned memory in PyTorch."""

_GRAPHS = 8
"""Shapes of which a lane keeps a CUDA graph: each holds the activations of a batch for good."""
_CALLS_BEFORE = 3
"""Before a capture, as PyTorch's notes on CUDA graphs have it: libraries settle in them."""

_capturing = threading.Lock()
"""PyTorch can capture one graph of a process at a time."""


class Lanes:
    """As many lanes as there are calls at once, each made at its first.

    Args:
        device: Where the model is.
        graphs: Whether kernels are launched as CUDA graphs.
    """

    def __init__(self, device: torch.device, graphs: bool = False) -> None:
        self._device, self.graphs = device, graphs
        # Not of threads: warm-up, calibration and the test each have their own.
        self._free: list[Lane] = []

    def run(self, forward: Forward, given: Sequence[NDArray[Any]]) -> Tensors:
        """Run a batch on a lane that is free; arguments as of ``Lane.run``."""
        try:
            lane = self._free.pop()
        except IndexError:
            lane = Lane(self._device, self.graphs)
        # One that has failed is not used again: its stream may still be at work.
        outputs = lane.run(forward, given)
        self._free.append(lane)
        return outputs

    def close(self) -> None:
        """Drop the lanes with their memory."""
        self._free.clear()


@dataclass(frozen=True)
class _Captured:
    graph: Any
    inputs: list[Tensor]
    outputs: dict[str, Tensor]


class Lane:
    """A stream, and the buffers of one call.

    On a device without streams it does the same work in the same order, each step waiting.

    Args:
        device: Where the model is.
        graphs: Whether kernels are launched as CUDA graphs.
    """

    def __init__(self, device: torch.device, graphs: bool = False) -> None:
        self._device = device
        # torch.cuda, torch.xpu.
        self._api: Any = getattr(torch, device.type) if device.type in STREAMED else None
        self._stream: Any = self._api.Stream(device) if self._api else None
        self._event: Any = self._api.Event() if self._api else None
        self._buffers: dict[object, Tensor] = {}
        self._graphs: dict[object, _Captured] | None = {} if graphs else None

    def run(self, forward: Forward, given: Sequence[NDArray[Any]]) -> Tensors:
        """Run a batch.

        Args:
            forward: The model.
            given: Its inputs in order, C-contiguous.

        Returns:
            The outputs, in memory of their own.
        """
        with self._queueing():
            staged = [self._to_device(at, array) for at, array in enumerate(given)]
            results = self._forward(forward, staged)
            found = {name: self._to_host(name, each) for name, each in results.items()}
            if self._event is not None:
                self._event.record(self._stream)
        if self._event is not None:
            self._event.synchronize()
        # The buffers are the next call's.
        return {name: np.array(each.numpy()) for name, each in found.items()}

    @contextlib.contextmanager
    def _queueing(self) -> Iterator[None]:
        if self._api is None:
            yield
            return
        with self._api.device(self._device), self._api.stream(self._stream):
            yield

    def _forward(self, forward: Forward, staged: list[Tensor]) -> dict[str, Tensor]:
        if self._graphs is None:
            return forward(*staged)
        key = tuple((each.shape, each.dtype) for each in staged)
        if key not in self._graphs:
            if len(self._graphs) == _GRAPHS:
                return forward(*staged)
            self._graphs[key] = self._capture(forward, staged)
        captured = self._graphs[key]
        for kept, new in zip(captured.inputs, staged, strict=True):
            kept.copy_(new, non_blocking=True)
        captured.graph.replay()
        return captured.outputs

    def _capture(self, forward: Forward, staged: list[Tensor]) -> _Captured:
        with _capturing:
            inputs = [each.clone() for each in staged]
            for _ in range(_CALLS_BEFORE):
                forward(*inputs)
            graph = torch.cuda.CUDAGraph()
            # Other lanes go on meanwhile, and may take memory.
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                outputs = forward(*inputs)
        return _Captured(graph, inputs, outputs)

    def _to_device(self, at: int, array: NDArray[Any]) -> Tensor:
        source = torch.from_numpy(array)
        staged = self._buffer(at, source)
        staged.copy_(source)
        return staged.to(self._device, non_blocking=True)

    def _to_host(self, name: str, found: Tensor) -> Tensor:
        kept = self._buffer(name, found)
        kept.copy_(found, non_blocking=True)
        return kept

    def _buffer(self, key: object, like: Tensor) -> Tensor:
        """Memory of the host for a tensor; it grows to the largest that its key has had."""
        size = max(1, like.numel() * like.element_size())
        known = self._buffers.get(key)
        if known is None or known.numel() < size:
            pinned = self._api is not None
            known = torch.empty(size, dtype=torch.uint8, pin_memory=pinned)
            self._buffers[key] = known
        return known[: like.numel() * like.element_size()].view(like.dtype).view(like.shape)
