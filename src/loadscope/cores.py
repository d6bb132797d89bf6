"""The cores that this process may use: affinity, the quota of its container, and where they lie.

Sources: Linux's ``Documentation/admin-guide/cputopology.rst`` for the files below ``/sys``, of
which the books and drawers are IBM Z's; ``cgroup-v1`` (``cpu.cfs_quota_us``) and ``cgroup-v2``
(``cpu.max``) for the quota.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CPUS = Path("devices/system/cpu")
_NODES = Path("devices/system/node")
_GROUPS = Path("fs/cgroup")


@dataclass(frozen=True, order=True)
class Core:
    """A physical core that may be used; the order puts neighbours together.

    Attributes:
        drawer: Drawer number on IBM Z, 0 elsewhere.
        book: Book number on IBM Z, 0 elsewhere.
        node: NUMA node.
        socket: Socket.
        core: Core number.
        cpus: The logical CPUs of the core that this process may run on.
    """

    drawer: int
    book: int
    node: int
    socket: int
    core: int
    cpus: tuple[int, ...]

    @property
    def place(self) -> tuple[int, int, int]:
        """What an instance must not straddle if that can be helped."""
        return self.drawer, self.book, self.node


@dataclass(frozen=True)
class AllowedCores:
    """What of the machine this process may use.

    Attributes:
        cores: The physical cores of its affinity mask, in order of nearness.
        quota: CPUs' worth of time that its control group has, such as 1.5; None for no limit.
    """

    cores: tuple[Core, ...]
    quota: float | None = None

    @property
    def count(self) -> int:
        """How many cores it can keep busy all the time: at least 1, and the quota rounded down."""
        return max(1, min(len(self.cores), math.floor(self.quota or len(self.cores))))

    @property
    def most(self) -> int:
        """How many threads are worth trying: as ``count``, but the quota rounded up."""
        return max(1, min(len(self.cores), math.ceil(self.quota or len(self.cores))))

    @property
    def threads(self) -> int:
        """Hardware threads of those cores; no more than ``most`` where a quota is below them."""
        threads = max(1, sum(len(core.cpus) for core in self.cores))
        return threads if self.quota is None else min(threads, math.ceil(self.quota))


def allowed_cores() -> AllowedCores:
    """What of this machine this process may use now."""
    return read_cores(Path("/sys"), Path("/proc/self/cgroup"), os.sched_getaffinity(0))


def usable_cores() -> int:
    """How many physical cores this process can keep busy; see ``AllowedCores.count``."""
    return allowed_cores().count


def read_cores(sys: Path, membership: Path, affinity: set[int]) -> AllowedCores:
    """Read a machine's files.

    Args:
        sys: ``/sys``, or a recorded one.
        membership: ``/proc/self/cgroup``.
        affinity: The CPUs that the process may run on.

    Returns:
        The cores. What a machine does not tell is 0; a CPU without a topology is a core of its own.
    """
    nodes = _nodes(sys / _NODES)
    found: dict[tuple[int, int, int, int, int], list[int]] = {}
    for cpu in sorted(affinity):
        topology = sys / _CPUS / f"cpu{cpu}" / "topology"
        drawer, book, socket = (
            max(0, _number(topology / name) or 0)
            for name in ("drawer_id", "book_id", "physical_package_id")
        )
        # A core's first thread stands for it: core_id need not be unique in a socket.
        siblings = _cpu_list(_text(topology / "thread_siblings_list"))
        core = min(siblings, default=cpu)
        found.setdefault((drawer, book, nodes.get(cpu, 0), socket, core), []).append(cpu)
    cores = tuple(sorted(Core(*place, tuple(cpus)) for place, cpus in found.items()))
    return AllowedCores(cores, _quota(sys / _GROUPS, membership))


def _nodes(folder: Path) -> dict[int, int]:
    """The NUMA node of each CPU, where the machine has any."""
    return {
        cpu: int(each.name.removeprefix("node"))
        for each in folder.glob("node[0-9]*")
        for cpu in _cpu_list(_text(each / "cpulist"))
    }


def _quota(groups: Path, membership: Path) -> float | None:
    """The least that a control group from the process's own up to the root allows."""
    limits = [limit for limit in _limits(groups, _text(membership)) if limit is not None]
    return min(limits, default=None)


def _limits(groups: Path, membership: str) -> Iterator[float | None]:
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            # Version 2; beside version 1 it is mounted a floor below.
            roots, read = [groups, groups / "unified"], _limit_2
        elif "cpu" in controllers.split(","):
            roots, read = [groups / controllers, groups / "cpu"], _limit_1
        else:
            continue
        for root in roots:
            # Within a container the path may be the host's, and only the root is to be seen.
            inner = root / path.lstrip("/")
            for folder in (inner, *inner.parents):
                if folder.is_relative_to(root):
                    yield read(folder)


def _limit_2(folder: Path) -> float | None:
    quota, _, period = _text(folder / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _limit_1(folder: Path) -> float | None:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 else None


def _cpu_list(text: str) -> list[int]:
    """The numbers of a list such as ``0-3,8``."""
    found: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _number(path: Path) -> int | None:
    try:
        return int(_text(path))
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
