"""Layers of PyTorch on a GPU: events between them, and kernels under them by its profiler."""

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import time_ns
from typing import Any

import torch
from torch import nn

from loadscope.sut.pytorch.tracer import Stamp, StampedTracer
from loadscope.sut.tracing.gpu_kernels import (
    Kernel,
    as_primitives,
    kineto_kernels,
    launched_between,
)
from loadscope.sut.tracing.record import PredictTrace, Primitive
from loadscope.tensors import Tensors

_Host = tuple[int, Any]
"""The host's time at a step, and the event that it has put on the stream there."""


class GpuTracer(StampedTracer):
    """Runs a copy of the network that records an event on the stream between its layers.

    No layer waits for another: the events are read when the work is over. A call waits for its
    outputs alone, and before it for one event, which ties the device's clock to the unix clock.

    Args:
        network: The loaded network.
        run: Runs a batch through a network given as a callable.
        inputs: The batch's names in the order in which the network takes them.
        api: ``torch.cuda`` or ``torch.xpu``.
        library: Whether kernels are recorded, from now on.
    """

    one_at_a_time = True

    def __init__(
        self,
        network: nn.Module,
        run: Callable[[Callable[..., Any], Tensors], Tensors],
        inputs: Sequence[str],
        api: Any,
        library: bool = False,
    ) -> None:
        self._api, self._loaded = api, (network, run, inputs)
        self._tied: _Host = (0, None)
        self._kernels: list[Kernel] = []
        super().__init__(network, run, inputs, self._event)
        self._profile = _profile(api) if library else None

    def with_library(self) -> "GpuTracer":
        """See ``LibraryTracer``."""
        return GpuTracer(*self._loaded, self._api, library=True)

    def primitives(self) -> list[Primitive]:
        """See ``LibraryTracer``."""
        return as_primitives(self._kernels)

    def predict(self, batch: Tensors) -> Tensors:
        """Run the model and note the call."""
        event = self._event()[1]
        event.synchronize()
        self._tied = time_ns(), event
        return super().predict(batch)

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers, on the device's time."""
        if self._profile is not None:
            self._profile.stop()
            self._kernels = kineto_kernels(_exported(self._profile))
        return super().finish()

    def _event(self) -> _Host:
        event = self._api.Event(enable_timing=True)
        event.record()
        return time_ns(), event

    def _note(self, stamps: list[Any]) -> list[Any]:
        return [self._tied, *stamps]

    def _stamps(self, noted: list[Any]) -> list[Stamp]:
        (origin, first), *steps = noted
        if self._kernels:
            spans = launched_between([host for host, _ in steps], self._kernels)
            starts = [*(start for start, _ in spans), spans[-1][1]]
            ends = [spans[0][0], *(end for _, end in spans)]
            return [(end, (), start) for end, start in zip(ends, starts, strict=True)]
        # Milliseconds.
        times = [origin + round(first.elapsed_time(event) * 1e6) for _, event in steps]
        return [(at, (), at) for at in times]


def _profile(api: Any) -> Any:
    activities = torch.profiler.ProfilerActivity
    kind = activities.XPU if api is torch.xpu else activities.CUDA
    profile = torch.profiler.profile(activities=[kind])
    profile.start()
    return profile


def _exported(profile: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="loadscope-") as folder:
        path = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(path))
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
