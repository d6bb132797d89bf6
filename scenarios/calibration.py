"""Warm-up, and the estimates that LoadGen wants before it starts.

LoadGen draws up its queries in advance from an expected latency or rate. An estimate that is
too slow makes a fast system run out of queries before the minimum duration and end INVALID,
so the estimates are measured, in the measured process, with the batches of the run.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import perf_counter_ns
from typing import TypeVar

from loadscope.datasets.library import OrderedLibrary, SampleLibrary
from loadscope.errors import DeviceMemoryError
from loadscope.names import Scenario
from loadscope.scenarios.execution import MULTI_STREAM_SAMPLES, Execution
from loadscope.scenarios.expectation import CalibrationResult, expectation
from loadscope.scenarios.inference_pipeline import InferencePipeline

WARM_UP_BATCHES = 3
"""A framework may plan memory on the first call and choose kernels on the second."""

_Result = TypeVar("_Result")

_MIN_DURATION_MS = 600_000
_SHAPE_SHARE = 0.05
_SHAPE_SECONDS = 20.0
"""Least time for the shapes: a short test sees few samples of each, and of some only the first."""
_TYPICAL = 4
_SECONDS = 1.5
_LEAST_SECONDS = 0.3
_WINDOWS = 3


def query_size(scenario: Scenario, execution: Execution) -> int:
    """How many samples a scenario hands to the model together, at most."""
    if scenario.inline:
        return MULTI_STREAM_SAMPLES if scenario is Scenario.MULTI_STREAM else 1
    return execution.batch_size


def typical_batches(library: SampleLibrary, size: int) -> list[list[int]]:
    """Samples to warm up and calibrate with, in batches of the test's own size.

    One batch where all samples cost the same; otherwise several, from large samples to small
    and each of like ones, which together cost what as many samples of the whole do.

    Args:
        library: The samples; none need be loaded.
        size: Samples in a batch.
    """
    total = len(library)
    if not isinstance(library, OrderedLibrary):
        return [[at % total for at in range(size)]]
    ranked = library.order(range(total))
    middles = [(2 * part + 1) * total // (2 * _TYPICAL) for part in range(_TYPICAL)]
    return [[ranked[(middle - size // 2 + at) % total] for at in range(size)] for middle in middles]


def batch_of_each_shape(library: SampleLibrary, size: int) -> list[list[int]]:
    """One full batch for each shape that samples of like size make, large to small.

    Args:
        library: The samples; all are loaded, and unloaded again, if they differ in size.
        size: Samples in a batch.

    Returns:
        No batch where all samples are alike.
    """
    if not isinstance(library, OrderedLibrary):
        return []
    ranked = library.order(range(len(library)))
    library.load(ranked)
    found: dict[object, list[int]] = {}
    for at in range(len(ranked)):
        # Its first sample is its largest, and so decides the shape.
        batch = [ranked[(at + turn) % len(ranked)] for turn in range(size)]
        if at + size <= len(ranked) or not found:
            found.setdefault(next(iter(library.batch(batch).values())).shape, batch)
    library.unload(ranked)
    return list(found.values())


def warm_up(
    pipeline: InferencePipeline,
    execution: Execution,
    batches: Sequence[Sequence[int]],
    least: int = WARM_UP_BATCHES,
) -> None:
    """Run batches of the test's own size on every worker, at once; each at least so many."""
    gate = threading.Barrier(execution.workers)

    def work() -> None:
        gate.wait()
        for at in range(max(least, len(batches))):
            _compute(pipeline, execution, batches[at % len(batches)])

    _on_every_worker(execution, work)


def halved(execution: Execution, error: DeviceMemoryError) -> Execution:
    """The settings with half the batch, after one that did not fit into a device's memory.

    Args:
        execution: Those of the batch that did not fit.
        error: What was raised.

    Raises:
        DeviceMemoryError: The batch is of one sample already.
    """
    if execution.batch_size == 1:
        raise error
    return replace(execution, batch_size=execution.batch_size // 2)


def warm_shapes(
    pipeline: InferencePipeline,
    execution: Execution,
    shapes: Sequence[Sequence[int]],
    seconds: float,
) -> None:
    """Run a batch of each shape, shared out among the workers, as far as the time goes.

    Args:
        pipeline: A loaded and warmed-up model.
        execution: The settings of the run.
        shapes: From ``batch_of_each_shape``, their samples loaded.
        seconds: No batch is begun after so long.
    """
    # Instances each need all shapes; ``next`` on a list's iterator is atomic.
    left = iter([*shapes] * execution.instances)
    until = perf_counter_ns() + int(seconds * 1e9)

    def work() -> None:
        for batch in left:
            if perf_counter_ns() >= until:
                return
            pipeline.compute(batch)

    _on_every_worker(execution, work)


def shape_seconds(min_duration_ms: float | None) -> float:
    """How long to warm up with each shape before a test of so long, LoadGen's default for None."""
    return max(_SHAPE_SECONDS, _SHAPE_SHARE * (min_duration_ms or _MIN_DURATION_MS) / 1e3)


def calibration_seconds(min_duration_ms: float | None) -> float:
    """How long to calibrate before a test of so long, LoadGen's default for None: not longer."""
    least = _MIN_DURATION_MS if min_duration_ms is None else min_duration_ms
    return min(_SECONDS, max(_LEAST_SECONDS, least / 1e3))


def calibrate(
    scenario: Scenario,
    pipeline: InferencePipeline,
    execution: Execution,
    batches: Sequence[Sequence[int]],
    seconds: float = _SECONDS,
    known: float | None = None,
) -> CalibrationResult:
    """Measure what LoadGen wants to know of this scenario.

    Args:
        scenario: What will run.
        pipeline: A loaded and warmed-up model.
        execution: The settings of the run.
        batches: From ``typical_batches``, their samples loaded.
        seconds: For about how long.
        known: What was measured of this layout before, in the unit of ``expectation``: it is then
            looked at for a moment only, and the faster of both counts.
    """
    seconds = seconds if known is None else min(seconds, _LEAST_SECONDS)
    if scenario.inline:
        times = query_times(pipeline, execution, batches, seconds, 10)
        return expectation(scenario, min([min(times) / 1e6, *([known] if known else [])]))
    # The best of several: a moment of load from elsewhere must not set the length of the run.
    window = seconds / _WINDOWS
    rate = max(throughput(pipeline, execution, batches, window) for _ in range(_WINDOWS))
    return expectation(scenario, max(rate, known or 0.0))


def query_times(
    pipeline: InferencePipeline,
    execution: Execution,
    queries: Sequence[Sequence[int]],
    seconds: float,
    least: int,
) -> list[int]:
    """The times of queries in ns, over so many seconds and at least so many queries."""
    found: list[int] = []
    until = perf_counter_ns() + int(seconds * 1e9)
    while len(found) < least or perf_counter_ns() < until:
        start = perf_counter_ns()
        _compute(pipeline, execution, queries[len(found) % len(queries)])
        found.append(perf_counter_ns() - start)
    return found


def throughput(
    pipeline: InferencePipeline,
    execution: Execution,
    batches: Sequence[Sequence[int]],
    seconds: float,
    least: int = 2,
) -> float:
    """Samples a second over all workers, each so many batches at least, all of them as often."""

    def work() -> float:
        count = 0
        start = perf_counter_ns()
        while count < least or perf_counter_ns() - start < seconds * 1e9:
            for batch in batches:
                pipeline.compute(batch)
                count += 1
        return count * len(batches[0]) / (perf_counter_ns() - start) * 1e9

    return sum(_on_every_worker(execution, work))


def _on_every_worker(execution: Execution, work: Callable[[], _Result]) -> list[_Result]:
    """Do ``work`` on as many threads as there are workers; on this one if it is the only one."""
    if execution.workers == 1:
        return [work()]
    with ThreadPoolExecutor(execution.workers) as pool:
        return [done.result() for done in [pool.submit(work) for _ in range(execution.workers)]]


def _compute(pipeline: InferencePipeline, execution: Execution, query: Sequence[int]) -> None:
    for at in range(0, len(query), execution.batch_size):
        pipeline.compute(query[at : at + execution.batch_size])
