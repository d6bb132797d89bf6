"""Which layouts are worth measuring for a model on this machine, and which of two is simpler."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from loadscope.cores import AllowedCores
from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.scenarios.execution import GPU_WORKERS, MULTI_STREAM_SAMPLES, Execution
from loadscope.scenarios.topology import instance_counts

_BATCHES = {
    Scenario.SINGLE_STREAM: (1,),
    Scenario.MULTI_STREAM: (1, 2, 4, MULTI_STREAM_SAMPLES),
    Scenario.OFFLINE: (1, 2, 4, 8, 16, 32),
    Scenario.SERVER: (1, 2, 4, 8),
}
_GPU_BATCHES = (64, 128, 256, 512)
SIMPLER_WITHIN = 0.03
"""A layout that is so little behind is as good: less than two runs of the same differ by."""


@dataclass(frozen=True)
class Given:
    """What of a layout was given by hand; None is to be found.

    Attributes:
        batch_size: Most samples in a batch.
        workers: Batches in flight at once.
        threads: The framework's own threads for each.
        instances: Processes that hold the model.
    """

    batch_size: int | None = None
    workers: int | None = None
    threads: int | None = None
    instances: int | None = None


@dataclass(frozen=True)
class Limits:
    """What a model and its framework can do.

    Attributes:
        samples: Of the data set.
        sample_bytes: Of a sample's inputs and outputs.
        max_batch: The samples that the model's file takes at once, where that is fixed.
        one_caller: Whether a process can have one worker only.
        gpu: Whether a GPU computes: larger batches, and at most two workers, of which one copies.
    """

    samples: int
    sample_bytes: int = 0
    max_batch: int | None = None
    one_caller: bool = False
    gpu: bool = False


def candidates(
    scenario: Scenario, cores: AllowedCores, rule: Execution, given: Given, limits: Limits
) -> list[Execution]:
    """The layouts to measure.

    Where there is work for every core: each number of threads with the workers that fill the
    cores, and one-thread workers for all hardware threads; over instances, too. A lone query is
    answered by one worker. All of them with each size of batch.

    Args:
        scenario: The LoadGen scenario.
        cores: What of the machine may be used.
        rule: What ``Execution.decide`` chose.
        given: What may not be changed.
        limits: Of the model.

    Returns:
        Different ones, ``rule`` first, then by group, each with its batches in ascending order.
    """
    found = [rule]
    for workers, threads, instances in _splits(scenario, cores, given, limits):
        for batch in _batches(scenario, given, limits):
            try:
                one = Execution.decide(
                    scenario,
                    cores.count,
                    batch,
                    workers,
                    threads,
                    max_batch=limits.max_batch,
                    instances=instances,
                    one_caller=limits.one_caller,
                    gpu=limits.gpu,
                )
            except InputError:
                # What is given does not go with it, such as workers that instances cannot share.
                continue
            found.append(
                replace(
                    one,
                    max_wait_ms=rule.max_wait_ms,
                    late_after_ms=rule.late_after_ms,
                    token_budget=rule.token_budget,
                )
            )
    return list(dict.fromkeys(found))


def fitting(found: Iterable[Execution], sample_bytes: int, free: int) -> list[Execution]:
    """Those whose inputs and outputs fit into memory.

    Args:
        found: Layouts.
        sample_bytes: Of a sample's inputs and outputs.
        free: Bytes of memory.
    """
    return [one for one in found if one.batch_size * one.workers * sample_bytes <= free]


def group(one: Execution) -> tuple[int, int, int]:
    """What layouts must have in common to be measured without loading the model again.

    Returns:
        Instances, threads, and the workers of instances.
    """
    return one.instances, one.threads, one.workers if one.instances > 1 else 0


def complexity(one: Execution) -> tuple[int, ...]:
    """Orders layouts: the simpler one has fewer processes, threads, workers, samples in a batch.

    Threads before workers: those of a batch wait for each other at every layer, so that a machine
    whose cores are disturbed, or far from each other, holds all of them up. Workers wait for none.
    """
    return one.instances, one.threads, one.workers, one.batch_size


def simplest(figures: dict[Execution, float]) -> Execution:
    """The simplest of those that are hardly behind the best; figures are the better for more."""
    enough = max(figures.values()) * (1 - SIMPLER_WITHIN)
    return min((one for one in figures if figures[one] >= enough), key=complexity)


def described(one: Execution) -> str:
    """A layout in words: ``2 workers x 1 thread, batch 4``."""

    def many(number: int, name: str) -> str:
        return f"{number} {name}{'s' if number > 1 else ''}"

    text = f"{many(one.workers, 'worker')} x {many(one.threads, 'thread')}"
    if one.instances > 1:
        text += f" in {one.instances} processes"
    return f"{text}, batch {one.batch_size}"


def _splits(
    scenario: Scenario, cores: AllowedCores, given: Given, limits: Limits
) -> list[tuple[int, int, int]]:
    """Workers, threads and instances."""
    threads = [given.threads] if given.threads else _powers(cores.most)
    if limits.gpu:
        instances = given.instances or 1
        side_by_side = [1] if scenario.inline else [1, GPU_WORKERS]
        return [
            (some, given.threads or max(1, cores.most // some), instances)
            for some in (
                [given.workers] if given.workers else [one * instances for one in side_by_side]
            )
        ]
    if scenario.inline:
        return [(1, each, 1) for each in threads]
    if given.instances:
        counts = [given.instances]
    else:
        counts = [1, *instance_counts(cores.cores)]
        if limits.one_caller and cores.most > 1:
            # Processes are the only way to have several batches in flight.
            counts.append(cores.most)
    found: list[tuple[int, int, int]] = []
    for instances in dict.fromkeys(counts):
        for each in threads:
            filling = max(1, cores.most // instances // each) * instances
            workers = given.workers or (instances if limits.one_caller else filling)
            # More threads than cores are worth nothing, but as one-thread workers.
            if each == 1 or workers * each <= cores.most or given.threads or given.workers:
                found.append((workers, each, instances))
    if 1 in threads and not limits.one_caller and cores.threads > cores.most:
        found.append((given.workers or cores.threads, 1, counts[0]))
    return found


def _batches(scenario: Scenario, given: Given, limits: Limits) -> Sequence[int | None]:
    if given.batch_size:
        return [given.batch_size]
    if limits.max_batch is not None:
        # A file of a fixed size computes as many samples whatever it is given.
        return [None]
    most = math.inf if scenario.inline else limits.samples
    sizes = [*_BATCHES[scenario]]
    if limits.gpu and not scenario.inline:
        sizes += _GPU_BATCHES
    return [size for size in sizes if size <= most] or [limits.samples]


def _powers(most: int) -> list[int]:
    """1, 2, 4, ... and the number itself."""
    return sorted({*(2**power for power in range(most.bit_length()) if 2**power < most), most})
