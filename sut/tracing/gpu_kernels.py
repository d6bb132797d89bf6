"""What a GPU ran, from the profiles of frameworks: kernels and copies, on the unix clock.

PyTorch's profile is Kineto's trace in Chrome's format: categories ``kernel``, ``gpu_memcpy`` and
``gpu_memset`` on the device, ``cuda_runtime`` and ``cuda_driver`` for the calls that launched them,
both with the same ``correlation``; microseconds since ``baseTimeNanoseconds``. ONNX Runtime's
profile has them under the category ``Kernel`` with the node that launched them as ``parent_name``.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadscope.sut.tracing.record import Primitive

_ON_DEVICE = ("kernel", "gpu_memcpy", "gpu_memset")
_LAUNCHES = ("cuda_runtime", "cuda_driver", "xpu_runtime")
_COPIES = {
    "HtoD": "copy to the device",
    "HostToDevice": "copy to the device",
    "DtoH": "copy to the host",
    "DeviceToHost": "copy to the host",
    "DtoD": "copy on the device",
    "DeviceToDevice": "copy on the device",
}
_COPY = re.compile(r"Memcpy ?(\w+)")
_US = 1000


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel, a copy or a filling; times are unix nanoseconds.

    Attributes:
        name: As the profiler tells it, with its template's arguments.
        start_ns: When the device began.
        duration_ns: Until it ended.
        launched_ns: When the host called for it; None where that is not told.
        shape: Its grid and blocks, or the bytes of a copy.
        parent: The operator that launched it, where the framework tells.
    """

    name: str
    start_ns: int
    duration_ns: int
    launched_ns: int | None
    shape: str
    parent: str = ""

    @property
    def end_ns(self) -> int:
        """When the device ended."""
        return self.start_ns + self.duration_ns


def kineto_kernels(trace: Mapping[str, Any]) -> list[Kernel]:
    """The kernels of a trace that PyTorch's profiler has exported, by start."""
    base = int(trace.get("baseTimeNanoseconds", 0))
    events = [event for event in trace["traceEvents"] if event.get("ph") == "X"]
    launched = {
        event["args"]["correlation"]: base + _ns(event["ts"])
        for event in events
        if event.get("cat") in _LAUNCHES and "correlation" in event.get("args", {})
    }
    found = []
    for event in events:
        if event.get("cat") not in _ON_DEVICE:
            continue
        arguments = event.get("args", {})
        found.append(
            Kernel(
                name=event["name"],
                start_ns=base + _ns(event["ts"]),
                duration_ns=_ns(event["dur"]),
                launched_ns=launched.get(arguments.get("correlation")),
                shape=_shape(arguments),
            )
        )
    return sorted(found, key=lambda one: one.start_ns)


def onnxruntime_kernels(events: Iterable[Mapping[str, Any]], origin: int) -> list[Kernel]:
    """The kernels of ONNX Runtime's profile, by start.

    Args:
        events: The profile.
        origin: ``get_profiling_start_time_ns()``, unix nanoseconds.
    """
    found = [
        Kernel(
            name=event["name"],
            start_ns=origin + event["ts"] * _US,
            duration_ns=event["dur"] * _US,
            launched_ns=None,
            shape=_grid(event.get("args", {})),
            parent=event.get("args", {}).get("parent_name", ""),
        )
        for event in events
        if event["cat"] == "Kernel"
    ]
    return sorted(found, key=lambda one: one.start_ns)


def launched_between(stamps: Sequence[int], kernels: Iterable[Kernel]) -> list[tuple[int, int]]:
    """When the device worked for each of a row of layers, which the host passed at known times.

    Args:
        stamps: Unix nanoseconds of the host, before the first layer and after each.
        kernels: What was launched, among it what no layer has launched.

    Returns:
        Start and end of each layer on the device: from its first kernel to its last. A layer
        without kernels has no length, at the end of the one before.
    """
    spans: list[tuple[int, int] | None] = [None] * (len(stamps) - 1)
    for kernel in kernels:
        at = bisect_right(stamps, kernel.launched_ns) - 1 if kernel.launched_ns is not None else -1
        if 0 <= at < len(spans):
            known = spans[at] or (kernel.start_ns, kernel.end_ns)
            spans[at] = (min(known[0], kernel.start_ns), max(known[1], kernel.end_ns))
    first = next((span[0] for span in spans if span is not None), stamps[0])
    found, end = [], first
    for span in spans:
        start, end = span or (end, end)
        found.append((start, end))
    return found


def as_primitives(kernels: Iterable[Kernel]) -> list[Primitive]:
    """Kernels as what a library below the framework ran; copies are named as such."""
    return [
        Primitive(short_name(one.name), one.name, one.shape, one.start_ns, one.duration_ns)
        for one in kernels
    ]


def short_name(name: str) -> str:
    """A kernel's name without its result's type, template and arguments."""
    if copy := _COPY.match(name):
        return _COPIES.get(copy[1], "copy")
    if name.startswith("Memset"):
        return "fill"
    plain = name.removeprefix("void ").replace("(anonymous namespace)", "_")
    return re.split(r"[<(]", plain, maxsplit=1)[0].strip() or name


def _shape(arguments: Mapping[str, Any]) -> str:
    if "grid" in arguments:
        sizes = ("x".join(map(str, arguments.get(name, ()))) for name in ("grid", "block"))
        return "grid {} block {}".format(*sizes)
    return f"{arguments['bytes']} bytes" if "bytes" in arguments else ""


def _grid(arguments: Mapping[str, Any]) -> str:
    sizes = [
        "x".join(str(arguments.get(f"{name}_{axis}", "")) for axis in "xyz")
        for name in ("grid", "block")
    ]
    told = str(arguments.get("grid_x", "-1"))
    return "" if told == "-1" else "grid {} block {}".format(*sizes)


def _ns(microseconds: float) -> int:
    return round(microseconds * _US)
