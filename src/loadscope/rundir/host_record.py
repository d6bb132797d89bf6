"""The machine of a run."""

from pydantic import Field

from loadscope.rundir.device_record import DeviceRecord
from loadscope.rundir.host_identity import HostIdentity
from loadscope.rundir.part import Part


class HostRecord(Part):
    """The machine as its operating system tells it; None is not to be had there.

    Attributes:
        memory_bytes: Physical memory.
        load_average: Of the last minute, before the first test.
        environment: The variables that change how frameworks compute.
        devices: What else can compute, beside the processors.
        identity: What tells it from other systems; None in runs that were made before it was kept.
    """

    machine: str = ""
    byte_order: str = ""
    processor: str | None = None
    physical_cores: int | None = None
    logical_cores: int | None = None
    usable_cores: tuple[int, ...] = ()
    memory_bytes: int | None = None
    system: str = ""
    load_average: float | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    devices: tuple[DeviceRecord, ...] = ()
    identity: HostIdentity | None = None
