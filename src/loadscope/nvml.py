"""NVIDIA's management library, by nvidia-ml-py: which GPUs there are, and how they are just now.

Source of names, units and bits: NVIDIA, "NVML API Reference Guide".
"""

import contextlib
import functools
import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

POWER_CAP = "power cap"
# nvmlClocksEventReason…, in the words of nvidia-smi; an idle GPU, a clock that the user has set
# and one of the display are no throttling.
THROTTLES: Mapping[int, str] = {
    0x04: POWER_CAP,
    0x08: "hardware slowdown",
    0x10: "sync boost",
    0x20: "heat (software)",
    0x40: "heat (hardware)",
    0x80: "power brake",
}
_CLOCK_SM = 1
_TEMPERATURE_GPU = 0

_Told = TypeVar("_Told")


@dataclass(frozen=True)
class Gpu:
    """A GPU; ``uuid`` is NVIDIA's (``GPU-…``)."""

    number: int
    title: str
    uuid: str
    memory_bytes: int | None


@dataclass(frozen=True)
class GpuSample:
    """A GPU at one moment; None is what it does not tell.

    Attributes:
        sm_mhz: Clock of its multiprocessors.
        celsius: Temperature of the die.
        watts: Power of the board.
        joules: Energy of the board since the driver was loaded.
        throttles: Why its clock is held down, in the order of ``THROTTLES``.
        processes: The processes that compute on it.
    """

    sm_mhz: int | None = None
    celsius: int | None = None
    watts: float | None = None
    joules: float | None = None
    throttles: tuple[str, ...] = ()
    processes: tuple[int, ...] = ()


class Nvml:
    """The library, begun.

    Args:
        api: The module ``pynvml``, or what stands in for it.
    """

    def __init__(self, api: Any) -> None:
        self._api = api
        api.nvmlInit()

    @classmethod
    @functools.cache
    def of_machine(cls) -> "Nvml | None":
        """This machine's; None without nvidia-ml-py, the driver, or a GPU that it knows."""
        with contextlib.suppress(ImportError):
            api = importlib.import_module("pynvml")
            with contextlib.suppress(api.NVMLError):
                return cls(api)
        return None

    def driver(self) -> str:
        """The driver's version."""
        return _text(self._told(self._api.nvmlSystemGetDriverVersion) or "")

    def gpus(self) -> list[Gpu]:
        """Every GPU, in the order of its place on the bus."""
        return [self._gpu(at) for at in range(self._told(self._api.nvmlDeviceGetCount) or 0)]

    def shown(self) -> list[Gpu | None]:
        """The GPUs that CUDA shows this process, in CUDA's order; None for a part of one (MIG)."""
        gpus = self.gpus()
        numbers = visible(len(gpus), [gpu.uuid for gpu in gpus], os.environ)
        return [None if at is None else gpus[at] for at in numbers]

    def number_of(self, device: str) -> int | None:
        """The number of a device as ``--device`` names it; None if it is no whole GPU."""
        kind, _, number = device.partition(":")
        shown = self.shown() if kind == "cuda" else []
        found = shown[int(number or 0)] if int(number or 0) < len(shown) else None
        return found.number if found else None

    def memory(self, number: int) -> tuple[int, int] | None:
        """Bytes of a GPU's memory: all, and free."""
        handle = self._api.nvmlDeviceGetHandleByIndex(number)
        memory = self._told(self._api.nvmlDeviceGetMemoryInfo, handle)
        return None if memory is None else (int(memory.total), int(memory.free))

    def sample(self, number: int) -> GpuSample:
        """How a GPU is now.

        Args:
            number: As in ``Gpu``.
        """
        api, handle = self._api, self._api.nvmlDeviceGetHandleByIndex(number)
        watts = self._told(api.nvmlDeviceGetPowerUsage, handle)
        joules = self._told(api.nvmlDeviceGetTotalEnergyConsumption, handle)
        # The name until driver 535, and since.
        reasons = getattr(
            api,
            "nvmlDeviceGetCurrentClocksEventReasons",
            getattr(api, "nvmlDeviceGetCurrentClocksThrottleReasons", None),
        )
        bits = self._told(reasons, handle) or 0 if reasons else 0
        running = self._told(api.nvmlDeviceGetComputeRunningProcesses, handle) or []
        return GpuSample(
            sm_mhz=self._told(api.nvmlDeviceGetClockInfo, handle, _CLOCK_SM),
            celsius=self._told(api.nvmlDeviceGetTemperature, handle, _TEMPERATURE_GPU),
            # Milliwatts and millijoules.
            watts=None if watts is None else watts / 1e3,
            joules=None if joules is None else joules / 1e3,
            throttles=tuple(name for bit, name in THROTTLES.items() if bits & bit),
            processes=tuple(process.pid for process in running),
        )

    def _gpu(self, number: int) -> Gpu:
        api, handle = self._api, self._api.nvmlDeviceGetHandleByIndex(number)
        memory = self._told(api.nvmlDeviceGetMemoryInfo, handle)
        return Gpu(
            number=number,
            title=_text(self._told(api.nvmlDeviceGetName, handle) or "NVIDIA GPU"),
            uuid=_text(self._told(api.nvmlDeviceGetUUID, handle) or ""),
            memory_bytes=None if memory is None else int(memory.total),
        )

    def _told(self, call: Callable[..., _Told], *arguments: Any) -> _Told | None:
        """What the library says; None where this GPU or driver does not."""
        try:
            return call(*arguments)
        except self._api.NVMLError:
            return None


def _text(said: str | bytes) -> str:
    return said.decode() if isinstance(said, bytes) else said


def visible(count: int, uuids: list[str], environment: Mapping[str, str]) -> list[int | None]:
    """The GPUs that CUDA shows a process, as NVML numbers them, in CUDA's order.

    Args:
        count: How many there are.
        uuids: The UUID of each (``GPU-…``).
        environment: Its variables; ``CUDA_VISIBLE_DEVICES`` ends at the first entry that is none
            (CUDA C++ Programming Guide, "CUDA Environment Variables").

    Returns:
        None for an entry that is a part of a GPU (``MIG-…``).
    """
    listed = environment.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return list(range(count))
    found: list[int | None] = []
    for entry in (part.strip() for part in listed.split(",")):
        at: int | None
        if entry.isdigit() and int(entry) < count:
            at = int(entry)
        elif entry and (same := [n for n, uuid in enumerate(uuids) if uuid.startswith(entry)]):
            at = same[0]
        elif entry.startswith("MIG-"):
            at = None
        else:
            break
        found.append(at)
    return found
