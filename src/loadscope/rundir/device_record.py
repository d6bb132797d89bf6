"""What ``run.json`` says of devices beside the processors, and of energy."""

from typing import Annotated

from pydantic import Field

from loadscope.rundir.part import Part


class DeviceRecord(Part):
    """An accelerator of the machine; see ``devices.Device``."""

    name: str
    title: str
    memory_bytes: int | None = None
    driver: str = ""


class GpuNoise(Part):
    """How a GPU fared during a test; None is not to be had there.

    Attributes:
        device: Its name.
        sm_mhz: Clock of its multiprocessors, a reading a second.
        celsius: The highest temperature.
        watts: Mean power of the board.
        throttles: Why its clock was held down; see ``nvml.THROTTLES``.
        others: The most other processes that computed on it at once.
    """

    device: str
    sm_mhz: tuple[int, ...] = ()
    celsius: int | None = None
    watts: float | None = None
    throttles: tuple[str, ...] = ()
    others: int | None = None


class EnergyRecord(Part):
    """The energy that was counted while LoadGen's part of a test ran.

    Attributes:
        seconds: From the first reading to the last.
        joules: By counter: a package of processors (RAPL), or a device's name (NVML).
    """

    seconds: Annotated[float, Field(gt=0)]
    joules: dict[str, float]
