"""Layers of ONNX Runtime on a GPU: when their kernels ran, by the CUPTI records of its profile."""

from typing import Any

from loadscope.sut.onnxruntime.gpu_layers import on_device
from loadscope.sut.onnxruntime.tracer import OnnxRuntimeTracer
from loadscope.sut.tracing.gpu_kernels import as_primitives, onnxruntime_kernels
from loadscope.sut.tracing.record import Primitive


class OnnxRuntimeGpuTracer(OnnxRuntimeTracer):
    """Places nodes where the device ran them: the profile times their launching.

    Attributes:
        unavailable: What the profile did not have, after ``finish``.
    """

    one_at_a_time = True

    def with_library(self) -> "OnnxRuntimeGpuTracer":
        """See ``LibraryTracer``: its kernels are in every profile."""
        return self

    def primitives(self) -> list[Primitive]:
        """See ``LibraryTracer``."""
        return as_primitives(self._kernels)

    def placed(self, events: list[dict[str, Any]], origin: int) -> list[dict[str, Any]]:
        """The profile with nodes at the times of their kernels, where it has any."""
        self._kernels = onnxruntime_kernels(events, origin)
        self.flat = bool(self._kernels)
        self.unavailable: dict[str, str] = {}
        if self._kernels:
            return on_device(events, self._kernels, origin)
        self.unavailable["times of layers"] = (
            "this build of ONNX Runtime has no CUDA profiling (CUPTI): they are those of launching "
            "a layer's kernels, not of running them"
        )
        return events
