"""Levelled profiling: what each level of tracing costs, the same work in turn."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter_ns, time_ns
from typing import Any

from loadscope.scenarios.tokens.pipeline import TokenPipeline
from loadscope.scenarios.tokens.tracing import TracedTokenPipeline
from loadscope.scenarios.tracing import Counters as ReadCounters
from loadscope.scenarios.tracing import TracedPipeline
from loadscope.suite.worker.loaded_model import LoadedModel
from loadscope.suite.worker.paired_timing import Timed
from loadscope.suite.worker.tracing.events import LEVELS
from loadscope.sut.backend import Backend
from loadscope.sut.tracing import Tracer, tracer_of
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.counters import Counters

REPEATS = 10
_SECONDS = 60
"""Long models are repeated less often: at least three times, and not beyond this."""

_NONE = "none"


def quiet_levels(
    model: LoadedModel, tracer: Tracer | None, level: str, batch: Sequence[int]
) -> dict[str, Timed]:
    """The work without tracing and at the levels up to ``layer``, by name.

    Args:
        model: Backend, library and post-processing, with the batch's samples loaded.
        tracer: Records the layers; made here where there is none.
        level: The deepest level.
        batch: The samples.
    """
    plain = model.pipeline
    works: dict[str, Callable[[], Any]] = {_NONE: lambda: plain.compute(batch)}
    notes: list[tuple[int, int]] = []

    def application() -> None:
        start = time_ns()
        plain.compute(batch)
        notes.append((start, time_ns()))

    depth = LEVELS.index(level)
    works["application"] = application
    if depth >= LEVELS.index("model"):
        model_level = traced_pipeline(model, _Untraced(model.backend), serial=False)
        works["model"] = lambda: model_level.compute(batch)
    if depth >= LEVELS.index("framework"):
        calls = traced_pipeline(model, tracer_of(model.backend, with_layers=False), serial=False)
        works["framework"] = lambda: calls.compute(batch)
    if depth >= LEVELS.index("layer"):
        layers = tracer or tracer_of(model.backend, with_layers=True)
        deep = traced_pipeline(model, layers, serial=True)
        works["layer"] = lambda: deep.compute(batch)
    return {name: _timed(work) for name, work in works.items()}


def traced_pipeline(
    model: LoadedModel, tracer: Tracer, serial: bool, counters: ReadCounters | None = None
) -> TracedPipeline | TracedTokenPipeline:
    """The model's pipeline with its steps noted; see ``TracedPipeline``."""
    if isinstance(model.pipeline, TokenPipeline):
        return TracedTokenPipeline(
            model.pipeline, model.library, model.postprocess, tracer, serial, counters
        )
    return TracedPipeline(model.backend, model.library, model.postprocess, tracer, serial, counters)


def deep_level(
    model: LoadedModel, tracer: Tracer, batch: Sequence[int], counters: Counters | None = None
) -> Timed:
    """The work as a level below the framework's layers has it; arguments as above."""
    read = counters.read if counters else None
    pipeline = traced_pipeline(model, tracer, serial=True, counters=read)
    return _timed(lambda: pipeline.compute(batch))


def measure_levels(works: Mapping[str, Timed]) -> dict[str, Any]:
    """Do the work at each level in turn and compare.

    Args:
        works: One a level, ``none`` first.

    Returns:
        ``{order, repeats, predict_ns, overhead}``: for each level the times of looking up,
        predicting and post-processing one batch, and the median of its ratios to ``none``.
    """
    order = list(works)
    times: dict[str, list[int]] = {name: [] for name in order}
    for name in order:
        works[name]()
    until = perf_counter_ns() + _SECONDS * 1_000_000_000
    for repeat in range(REPEATS):
        if repeat >= 3 and perf_counter_ns() > until:
            break
        # Turned round each time, so that a level has no neighbour of its own.
        for name in order if repeat % 2 else reversed(order):
            times[name].append(works[name]())
    return {
        "order": order,
        "repeats": len(times[_NONE]),
        "predict_ns": times,
        "overhead": {
            name: round(
                statistics.median(
                    traced / bare for traced, bare in zip(times[name], times[_NONE], strict=True)
                ),
                4,
            )
            for name in order[1:]
        },
    }


def _timed(work: Callable[[], Any]) -> Timed:
    def once() -> int:
        start = perf_counter_ns()
        work()
        return perf_counter_ns() - start

    return once


class _Untraced(CallTracer):
    """A tracer that notes nothing."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend.predict)
        self.predict = backend.predict  # type: ignore[method-assign]
