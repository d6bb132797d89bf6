"""What this machine is made of, as its operating system tells it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from loadscope.submission.system.commands import MachineProbe
from loadscope.submission.system.mainframe import ZMachine, z_machine

_CACHES = ("L1d", "L1i", "L2", "L2d", "L2i", "L3", "L4")
# PCI base classes (PCI-SIG, "PCI Code and ID Assignment Specification"): 3D controllers, which
# is how GPUs without a display show themselves, and processing accelerators.
_ACCELERATOR_CLASSES = ("0x0302", "0x12")


@dataclass(frozen=True)
class Machine:
    """A machine's parts; what is not known is empty, and never guessed.

    Attributes:
        architecture: ``x86_64``, ``aarch64`` or ``s390x``.
        processor: Model of the processor.
        sockets: Processors.
        cores: Cores a processor.
        threads: Threads a core.
        frequency: Highest clock.
        caches: Sizes by level.
        memory: Capacity.
        modules: Memory modules, where the firmware's tables may be read.
        storage: Capacity of all disks.
        storage_type: Kinds of disk.
        network_cards: Cards with their speed or driver.
        network: Speeds of the connected cards.
        accelerators: Model, memory and clock of each accelerator; None where some are there
            that cannot be named.
        hypervisor: What the machine is virtual on.
        system: Operating system and kernel.
        z: What an IBM Z tells besides.
    """

    architecture: str = ""
    processor: str = ""
    sockets: str = ""
    cores: str = ""
    threads: str = ""
    frequency: str = ""
    caches: str = ""
    memory: str = ""
    modules: str = ""
    storage: str = ""
    storage_type: str = ""
    network_cards: str = ""
    network: str = ""
    accelerators: tuple[tuple[str, str, str], ...] | None = field(default=())
    hypervisor: str = ""
    system: str = ""
    z: ZMachine | None = None


def detect(probe: MachineProbe) -> Machine:
    """Look at a machine; whatever cannot be found out stays empty."""
    cpu = _lscpu(probe.output_json("lscpu"))
    architecture = cpu.get("Architecture", "")
    z = z_machine(probe, cpu) if architecture == "s390x" else None
    vendor, model = cpu.get("Vendor ID", ""), cpu.get("Model name", "")
    if architecture == "aarch64" and vendor and not model.startswith(vendor):
        model = f"{vendor} {model}".strip()
    modules, capacity = _modules(probe.output("dmidecode"))
    disks, kinds = _disks(probe.output_json("lsblk"))
    cards, speeds = _network(probe)
    return Machine(
        architecture=architecture,
        processor=z.model if z else ("" if model == "-" else model),
        sockets=z.sockets if z else cpu.get("Socket(s)", "").strip("-"),
        cores=(cpu.get("Core(s) per socket") or cpu.get("Core(s) per cluster", "")).strip("-"),
        threads=cpu.get("Thread(s) per core", ""),
        frequency=_frequency(cpu),
        caches=_cache_sizes(cpu),
        memory=capacity or _memory(probe),
        modules=modules,
        storage=disks,
        storage_type=kinds,
        network_cards=cards,
        network=speeds,
        accelerators=_accelerators(probe),
        hypervisor=cpu.get("Hypervisor") or cpu.get("Hypervisor vendor", ""),
        system=_system(probe),
        z=z,
    )


def _lscpu(printed: dict[str, Any]) -> dict[str, str]:
    """``lscpu -J`` as a mapping; newer ones nest what belongs together."""
    found: dict[str, str] = {}
    waiting = list(printed.get("lscpu") or ())
    for entry in waiting:
        name, data = str(entry.get("field", "")).rstrip(":"), entry.get("data")
        if data is not None:
            found.setdefault(name, str(data))
        waiting.extend(entry.get("children") or ())
    return found


def _cache_sizes(cpu: dict[str, str]) -> str:
    # Newer ones name a cache by its level alone, below a heading.
    sizes = ((name, cpu.get(f"{name} cache") or cpu.get(name)) for name in _CACHES)
    return ", ".join(f"{name} {size}" for name, size in sizes if size)


def _frequency(cpu: dict[str, str]) -> str:
    value = cpu.get("CPU max MHz") or cpu.get("CPU dynamic MHz") or cpu.get("CPU static MHz", "")
    try:
        return f"{float(value):.0f} MHz"
    except ValueError:
        return ""


def _memory(probe: MachineProbe) -> str:
    for line in probe.read("proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == "MemTotal":
            return f"{int(value.split()[0]) / (1 << 20):.1f} GiB usable"
    return ""


def _modules(printed: str) -> tuple[str, str]:
    """Modules and their sum from ``dmidecode -t memory``: ``8x 32 GB DDR5-4800 ECC``."""
    modules: Counter[str] = Counter()
    total, ecc = 0, ""
    for block in printed.split("\n\n"):
        pairs = (line.strip().partition(": ") for line in block.splitlines())
        values = {name: value for name, colon, value in pairs if colon}
        if "Error Correction Type" in values:
            ecc = " ECC" if "ECC" in values["Error Correction Type"] else ""
        number, _, unit = values.get("Size", "").partition(" ")
        if not (number.isdigit() and unit in ("MB", "GB") and "Locator" in values):
            continue
        size = int(number) if unit == "GB" else int(number) // 1024
        total += size
        speed = values.get("Configured Memory Speed") or values.get("Speed", "")
        rate = speed.split()[0] if speed[:1].isdigit() else ""
        kind = values.get("Type", "")
        kind = "" if kind in ("Unknown", "Other", "RAM") else kind
        modules[" ".join(f"{size} GB {kind}{'-' if kind and rate else ''}{rate}".split())] += 1
    if not total:
        return "", ""
    return ", ".join(f"{count}x {name}{ecc}" for name, count in modules.items()), f"{total} GB"


def _disks(printed: dict[str, Any]) -> tuple[str, str]:
    total = 0
    kinds: dict[str, None] = {}
    for disk in printed.get("blockdevices") or ():
        name, size = str(disk.get("name")), disk.get("size")
        if disk.get("type") != "disk" or name.startswith(("zram", "ram", "fd", "nbd")) or not size:
            continue
        total += int(size)
        kinds[_kind_of_disk(name, disk)] = None
    return (f"{total / 1e9:.0f} GB" if total else ""), ", ".join(kinds)


def _kind_of_disk(name: str, disk: dict[str, Any]) -> str:
    transport = str(disk.get("tran") or "")
    if name.startswith("dasd"):
        return "DASD"
    if transport == "nvme" or name.startswith("nvme"):
        return "NVMe SSD"
    if name.startswith(("vd", "xvd")):
        # A virtual disk says 'rotating' whatever lies behind it.
        return "virtual disk"
    if transport == "fc":
        return "Fibre Channel SAN"
    spinning = str(disk.get("rota")).lower() in ("true", "1")
    return f"{transport.upper()} {'HDD' if spinning else 'SSD'}".strip()


def _network(probe: MachineProbe) -> tuple[str, str]:
    """Cards that have a device behind them, and the speeds of those that are connected."""
    cards: Counter[str] = Counter()
    speeds: dict[str, None] = {}
    for name in probe.names("sys/class/net"):
        driver = probe.target(f"sys/class/net/{name}/device/driver")
        if not driver:
            continue
        speed = probe.read(f"sys/class/net/{name}/speed").strip()
        if speed.isdigit() and int(speed) > 0:
            rate = f"{int(speed) / 1000:g} GbE"
            speeds[rate] = None
            cards[f"{rate} ({driver})"] += 1
        else:
            cards[driver] += 1
    return ", ".join(f"{count}x {name}" for name, count in cards.items()), ", ".join(speeds)


def _accelerators(probe: MachineProbe) -> tuple[tuple[str, str, str], ...] | None:
    named = tuple(
        (parts[0], parts[1], parts[2])
        for line in probe.output("nvidia-smi").splitlines()
        if len(parts := [part.strip() for part in line.split(",")]) == 3
    )
    if named:
        return named
    devices = probe.names("sys/bus/pci/devices")
    classes = (probe.read(f"sys/bus/pci/devices/{name}/class") for name in devices)
    return None if any(one.startswith(_ACCELERATOR_CLASSES) for one in classes) else ()


def _system(probe: MachineProbe) -> str:
    name = ""
    for line in probe.read("etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            name = line.partition("=")[2].strip('"')
    kernel = probe.read("proc/sys/kernel/osrelease").strip()
    return f"{name}, Linux {kernel}" if name and kernel else name
