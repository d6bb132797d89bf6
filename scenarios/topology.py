"""How cores are spread over instances.

Source of the order: memory is nearest within a NUMA node; on IBM Z, caches are shared within a
socket, then a book, then a drawer.
"""

import itertools
from collections.abc import Sequence

from loadscope.cores import Core
from loadscope.errors import InputError

CORES_AN_INSTANCE = 8
"""Most cores that ``auto`` gives one process: with more, its threads queue for Python's lock."""


def automatic_instances(cores: Sequence[Core]) -> int:
    """One instance a NUMA node, or more where that would leave one with too many cores."""
    sizes = _places(cores).values()
    return sum(max(1, -(-len(group) // CORES_AN_INSTANCE)) for group in sizes)


def instance_counts(cores: Sequence[Core]) -> list[int]:
    """Numbers of instances worth measuring beside a single process.

    One a place, what ``auto`` gives, and twice that, for the number of cores where one process
    begins to queue is not the same in every framework.
    """
    automatic = automatic_instances(cores)
    counts = {len(_places(cores)), automatic, min(2 * automatic, len(cores))}
    return sorted(counts - {0, 1})


def spread(cores: Sequence[Core], instances: int) -> list[tuple[int, ...]]:
    """The CPUs of each instance: as many cores for each, whole places where they divide.

    Args:
        cores: From ``loadscope.cores``.
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


def _places(cores: Sequence[Core]) -> dict[tuple[int, int, int], list[Core]]:
    groups: dict[tuple[int, int, int], list[Core]] = {}
    for core in cores:
        groups.setdefault(core.place, []).append(core)
    return groups


def _cut(cores: Sequence[Core], parts: int) -> list[tuple[int, ...]]:
    bounds = [len(cores) * number // parts for number in range(parts + 1)]
    return [
        tuple(sorted(cpu for core in cores[start:end] for cpu in core.cpus))
        for start, end in itertools.pairwise(bounds)
    ]
