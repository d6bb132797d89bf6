"""What an IBM Z tells of itself: model, partition, topology, the on-chip accelerator.

Formats: ``arch/s390/kernel/processor.c`` (/proc/cpuinfo) and ``sysinfo.c`` (/proc/sysinfo) of
Linux, and ``lscpu`` of util-linux.
"""

import re
from dataclasses import dataclass

from loadscope.submission.system.commands import MachineProbe

_MODELS = {
    "3906": "IBM z14",
    "3907": "IBM z14 ZR1",
    "8561": "IBM z15",
    "8562": "IBM z15 T02",
    "3931": "IBM z16",
    "3932": "IBM z16 A02",
    "9175": "IBM z17",
}
"""Machine types; sources: IBM's announcements of each machine."""

_MACHINE = re.compile(r"^processor 0:.*\bmachine = (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class ZMachine:
    """An IBM Z partition.

    Attributes:
        model: Name and machine type, ``IBM z16 (machine type 3931)``.
        partition: LPAR number, name and CPUs, and z/VM where the machine is a guest.
        sockets: Processor chips that the partition sees, where the topology is told.
        topology: Cores, threads a core, books and drawers.
        nnpa: Whether the on-chip accelerator's instruction is there.
    """

    model: str
    partition: str
    sockets: str
    topology: str
    nnpa: bool

    def notes(self) -> str:
        """All of it in one line."""
        accelerator = f"NNPA (on-chip accelerator) {'present' if self.nnpa else 'absent'}"
        return "; ".join(filter(None, (self.partition, self.topology, accelerator)))


def z_machine(probe: MachineProbe, cpu: dict[str, str]) -> ZMachine:
    """Read what an IBM Z tells.

    Args:
        probe: The machine.
        cpu: What ``lscpu`` says, by field.
    """
    cpuinfo = probe.read("proc/cpuinfo")
    told = _pairs(probe.read("proc/sysinfo"))
    found = _MACHINE.search(cpuinfo)
    machine = told.get("Type") or (found[1] if found else "") or cpu.get("Machine type", "")
    name = _MODELS.get(machine, "IBM Z" if machine else "")
    features = _pairs(cpuinfo).get("features", "").split()
    sockets, topology = _topology(cpu)
    return ZMachine(
        model=f"{name} (machine type {machine})" if machine else "",
        partition=_partition(told),
        sockets=sockets,
        topology=topology,
        nnpa="nnpa" in features,
    )


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            pairs.setdefault(name.strip(), value.strip())
    return pairs


def _partition(told: dict[str, str]) -> str:
    parts = []
    if "LPAR Number" in told:
        parts.append(f"LPAR {told['LPAR Number']}")
        if told.get("LPAR Name"):
            parts[-1] += f" ({told['LPAR Name']})"
        kinds = (f"{told[key]} {kind}" for key, kind in _CPUS if told.get(key, "0") != "0")
        parts.extend(kinds)
    if told.get("VM00 Control Program"):
        parts.append(f"guest of {' '.join(told['VM00 Control Program'].split())}")
    return ", ".join(parts)


_CPUS = (
    ("LPAR CPUs Configured", "CPUs configured"),
    ("LPAR CPUs Dedicated", "dedicated"),
    ("LPAR CPUs Shared", "shared"),
)


def _topology(cpu: dict[str, str]) -> tuple[str, str]:
    """Chips in all, and the topology in words; nothing where ``lscpu`` does not tell."""
    per_core = cpu.get("Thread(s) per core", "")
    levels = ("Socket(s) per book", "Book(s) per drawer", "Drawer(s)")
    counts = [cpu.get(level, "") for level in levels]
    parts = []
    cores = cpu.get("Core(s) per socket", "")
    sockets = ""
    if all(count.isdigit() for count in counts):
        in_drawer, books, drawers = (int(count) for count in counts)
        chips = in_drawer * books * drawers
        sockets = str(chips)
        if cores.isdigit():
            parts.append(f"{chips * int(cores)} cores")
        parts.append(f"{chips} chips in {books * drawers} books, {drawers} drawers")
    if per_core.isdigit():
        parts.append("SMT off" if per_core == "1" else f"SMT-{per_core}")
    return sockets, ", ".join(parts)
