"""What tells one system from another, read from files that need no rights.

Sources: Linux's ``Documentation/ABI/testing/sysfs-devices-system-cpu`` and
``admin-guide/cgroup-v1`` and ``v2``; of s390x ``/proc/sysinfo``.
"""

import hashlib
import platform
from collections.abc import Iterator
from pathlib import Path

from loadscope.rundir.host_identity import HostIdentity

_ID_LETTERS = 16
_NO_LIMIT = 1 << 60


def host_identity(root: Path = Path("/")) -> HostIdentity:
    """Look at a machine.

    Args:
        root: Its file system, or a recording of the files.
    """
    facts = _cpu_facts(root)
    return HostIdentity(
        hostname=platform.node() if root == Path("/") else _read(root / "etc/hostname"),
        machine_id=_machine_id(root),
        cpu=", ".join(f"{name} {facts[name]}" for name in _MODEL if name in facts),
        microcode=facts.get("microcode", ""),
        sockets=_sockets(root) or None,
        numa_nodes=len(list((root / "sys/devices/system/node").glob("node[0-9]*"))) or None,
        smt=_read(root / "sys/devices/system/cpu/smt/control"),
        governor=",".join(sorted(set(_governors(root)))),
        hypervisor=_hypervisor(root, facts),
        container=_container(root),
        cpu_limit=_cpu_limit(root),
        memory_limit_bytes=_memory_limit(root),
    )


_MODEL = ("cpu family", "model", "stepping", "machine", "CPU implementer", "CPU part")


def _cpu_facts(root: Path) -> dict[str, str]:
    """The first value of each name in ``/proc/cpuinfo``."""
    facts: dict[str, str] = {}
    for line in _read(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.startswith("processor "):
            # s390x: ``processor 0: version = FF,  identification = 0123,  machine = 3931``.
            parts = (part.partition("=") for part in value.split(","))
            facts |= {key.strip(): said.strip() for key, _, said in parts if "machine" in key}
        facts.setdefault(name.strip(), value.strip())
    return facts


def _machine_id(root: Path) -> str:
    text = _read(root / "etc/machine-id")
    if not text:
        return ""
    # machine-id(5): it must not be told as it is.
    return hashlib.sha256(f"loadscope {text}".encode()).hexdigest()[:_ID_LETTERS]


def _sockets(root: Path) -> int:
    places = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/topology/physical_package_id")
    return len({_read(place) for place in places})


def _governors(root: Path) -> Iterator[str]:
    for path in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"):
        if text := _read(path):
            yield text


def _hypervisor(root: Path, facts: dict[str, str]) -> str:
    for line in _read(root / "proc/sysinfo").splitlines():
        name, _, value = line.partition(":")
        if name.endswith("Control Program"):
            return value.strip()
    if kind := _read(root / "sys/hypervisor/type"):
        return kind
    if "hypervisor" not in facts.get("flags", "").split():
        return ""
    vendor = (_read(root / f"sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name"))
    return " ".join(filter(None, vendor)) or "unknown"


def _container(root: Path) -> str:
    if (root / ".dockerenv").exists():
        return "docker"
    return "podman" if (root / "run/.containerenv").exists() else ""


def _cpu_limit(root: Path) -> float | None:
    for group in _groups(root):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit():
            return int(quota) / int(period)
    quota = _read(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    period = _read(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _memory_limit(root: Path) -> int | None:
    files = [group / "memory.max" for group in _groups(root)]
    files.append(root / "sys/fs/cgroup/memory/memory.limit_in_bytes")
    found = [int(text) for file in files if (text := _read(file)).isdigit()]
    return min((limit for limit in found if limit < _NO_LIMIT), default=None)


def _groups(root: Path) -> list[Path]:
    """The process's own control group of version 2, and all above it."""
    top = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        if line.startswith("0::"):
            own = top / line.removeprefix("0::").lstrip("/")
            return [folder for folder in (own, *own.parents) if folder.is_relative_to(top)]
    return [top]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
