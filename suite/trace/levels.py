"""Levelled profiling: what each level of tracing costs, the same work in turn."""

import statistics
from collections.abc import Callable, Sequence
from time import perf_counter_ns, time_ns
from typing import Any

from loadscope.scenarios.tracing import TracedAnswering
from loadscope.suite.opening import Opened
from loadscope.suite.trace.events import LEVELS
from loadscope.sut.backend import Backend
from loadscope.sut.tracing import Tracer, tracer_of
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.counters import Counters

REPEATS = 10
_SECONDS = 60
"""Long models are repeated less often: at least three times, and not beyond this."""

_NONE = "none"


def measure_levels(
    model: Opened, tracer: Tracer, level: str, batch: Sequence[int], counters: Counters | None
) -> dict[str, Any]:
    """Run one batch without tracing and at each level, in turn, and compare.

    oneDNN's own output cannot be switched in a process, so that ``library`` is not among the
    levels: where it was asked for, all of them bear its cost, ``none`` too.

    Args:
        model: Backend, library and post-processing, with the batch's samples loaded.
        tracer: The test's tracer.
        level: The deepest level.
        batch: The samples.
        counters: The counters of the level ``hardware``.

    Returns:
        ``{order, repeats, predict_ns, overhead}``: for each level the times of looking up,
        predicting and post-processing one batch, and the median of its ratios to ``none``.
    """
    parts = model.backend, model.library, model.postprocess
    plain = model.answering
    works: dict[str, Callable[[], Any]] = {_NONE: lambda: plain.compute(batch)}
    notes: list[tuple[int, int]] = []

    def application() -> None:
        start = time_ns()
        plain.compute(batch)
        notes.append((start, time_ns()))

    depth = LEVELS.index(level)
    works["application"] = application
    model_level = TracedAnswering(*parts, _Untraced(model.backend), serial=False)
    works["model"] = lambda: model_level.compute(batch)
    if depth >= LEVELS.index("framework"):
        calls = TracedAnswering(*parts, tracer_of(model.backend, with_layers=False), serial=False)
        works["framework"] = lambda: calls.compute(batch)
    if depth >= LEVELS.index("layer"):
        deep = TracedAnswering(*parts, tracer, serial=True)
        works["layer"] = lambda: deep.compute(batch)
    if counters is not None:
        counted = TracedAnswering(*parts, tracer, serial=True, counters=counters.read)
        works["hardware"] = lambda: counted.compute(batch)
    order = [_NONE, *(name for name in LEVELS[: depth + 1] if name in works)]
    times: dict[str, list[int]] = {name: [] for name in order}
    for name in order:
        works[name]()
    until = perf_counter_ns() + _SECONDS * 1_000_000_000
    for repeat in range(REPEATS):
        if repeat >= 3 and perf_counter_ns() > until:
            break
        # Turned round each time, so that a level has no neighbour of its own.
        for name in order if repeat % 2 else reversed(order):
            start = perf_counter_ns()
            works[name]()
            times[name].append(perf_counter_ns() - start)
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


class _Untraced(CallTracer):
    """A tracer that notes nothing."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend.predict)
        self.predict = backend.predict  # type: ignore[method-assign]
