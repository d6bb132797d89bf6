"""How much memory a device has left: what a search for the largest batch goes by."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from loadscope.nvml import Nvml


@dataclass(frozen=True)
class DeviceMemory:
    """The memory of a device, bytes.

    Attributes:
        total: All of it.
        free: What any process can still have.
        used: What this process has taken.
        peak: The most that this process has had at once.
    """

    total: int
    free: int
    used: int
    peak: int


@runtime_checkable
class TellsDeviceMemory(Protocol):
    """A loaded backend that can tell of its device's memory."""

    def device_memory(self) -> DeviceMemory | None:
        """The memory of the device as it is now; None on one that has none of its own."""


def nvml_memory(device: str) -> DeviceMemory | None:
    """The memory of an NVIDIA GPU as its driver tells it, for frameworks that tell nothing.

    What a framework's allocator holds counts as used, by all processes together.

    Args:
        device: Its name.
    """
    library = Nvml.of_machine()
    number = library.number_of(device) if library else None
    memory = library.memory(number) if library and number is not None else None
    if memory is None:
        return None
    total, free = memory
    return DeviceMemory(total, free, total - free, total - free)


def device_memory_of(backend: object) -> DeviceMemory | None:
    """The memory of the device that a loaded backend computes on; None where it does not tell."""
    return backend.device_memory() if isinstance(backend, TellsDeviceMemory) else None
