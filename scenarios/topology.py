"""Which CPUs make up which cores, and how cores are spread over instances.

Source of the order: memory is nearest within a NUMA node; on IBM Z, caches are shared within a
socket, then a book, then a drawer. ``lscpu`` names them all on every architecture.
"""

import itertools
import os
import subprocess
from dataclasses import dataclass

from loadscope.errors import InputError, WorkError

_COLUMNS = ("CPU", "CORE", "SOCKET", "NODE", "BOOK", "DRAWER")

CORES_AN_INSTANCE = 8
"""Most cores that ``auto`` gives one process: with more, its threads queue for Python's lock."""


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


def read_topology() -> list[Core]:
    """The cores that this process may use, by ``lscpu``.

    Raises:
        WorkError: ``lscpu`` is missing or fails.
    """
    command = ["lscpu", f"--parse={','.join(_COLUMNS)}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise WorkError(
            f"cannot read this machine's cores: {error}",
            "install util-linux (apt install util-linux), or leave --instances out",
        ) from error
    return parse_topology(done.stdout, os.sched_getaffinity(0))


def parse_topology(text: str, allowed: set[int]) -> list[Core]:
    """Read the output of ``lscpu --parse=CPU,CORE,SOCKET,NODE,BOOK,DRAWER``.

    Args:
        text: A line a CPU; a column that the machine does not have is empty.
        allowed: The CPUs to consider.

    Returns:
        The cores in order of nearness.
    """
    cpus: dict[tuple[int, int, int, int, int], list[int]] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        cpu, core, socket, node, book, drawer = (int(field or 0) for field in line.split(","))
        if cpu in allowed:
            cpus.setdefault((drawer, book, node, socket, core), []).append(cpu)
    return sorted(Core(*place, tuple(sorted(found))) for place, found in cpus.items())


def automatic_instances(cores: list[Core]) -> int:
    """One instance a NUMA node, or more where that would leave one with too many cores."""
    sizes = _places(cores).values()
    return sum(max(1, -(-len(group) // CORES_AN_INSTANCE)) for group in sizes)


def instance_counts(cores: list[Core]) -> list[int]:
    """Numbers of instances worth measuring beside a single process.

    One a place, what ``auto`` gives, and twice that, for the number of cores where one process
    begins to queue is not the same in every framework.
    """
    automatic = automatic_instances(cores)
    counts = {len(_places(cores)), automatic, min(2 * automatic, len(cores))}
    return sorted(counts - {0, 1})


def spread(cores: list[Core], instances: int) -> list[tuple[int, ...]]:
    """The CPUs of each instance: as many cores for each, whole places where they divide.

    Args:
        cores: From ``read_topology``.
        instances: How many to make.

    Returns:
        CPU numbers by instance. The instances of a place get all its cores, even where one of
        them then has a core more than another.

    Raises:
        InputError: There are fewer cores than instances.
    """
    if instances > len(cores):
        raise InputError(
            f"--instances: expected at most {len(cores)}, the cores of this process, "
            f"got {instances}",
            f"use at most {len(cores)}",
        )
    places = list(_places(cores).values())
    if instances % len(places):
        return _cut(cores, instances)
    share = instances // len(places)
    if any(len(group) < share for group in places):
        return _cut(cores, instances)
    return [part for group in places for part in _cut(group, share)]


def _places(cores: list[Core]) -> dict[tuple[int, int, int], list[Core]]:
    groups: dict[tuple[int, int, int], list[Core]] = {}
    for core in cores:
        groups.setdefault(core.place, []).append(core)
    return groups


def _cut(cores: list[Core], parts: int) -> list[tuple[int, ...]]:
    bounds = [len(cores) * number // parts for number in range(parts + 1)]
    return [
        tuple(sorted(cpu for core in cores[start:end] for cpu in core.cpus))
        for start, end in itertools.pairwise(bounds)
    ]
