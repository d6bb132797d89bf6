"""Levelled profiling: what each level of tracing costs, the same work in turn."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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

_BRIEF = 8
"""Tokens of an answer where it is repeated to warm up or to compare: a step is like the next."""


@dataclass(frozen=True)
class Tracers:
    """What runs a model: its tracer, and that of the encoder that it may have."""

    model: Tracer
    encoder: Tracer | None = None

    @classmethod
    def of(cls, model: LoadedModel, make: Callable[[Backend], Tracer]) -> "Tracers":
        """Make a tracer of each of a model's backends."""
        encoder = None if model.encoder is None else make(model.encoder)
        return cls(make(model.backend), encoder)

    def each(self, change: Callable[[Tracer], Tracer]) -> "Tracers":
        """The same with each tracer exchanged."""
        return Tracers(change(self.model), self.encoder and change(self.encoder))

    def all(self) -> list[Tracer]:
        """The one, or both."""
        return [self.model, *([self.encoder] if self.encoder is not None else [])]


def brief(model: LoadedModel) -> LoadedModel:
    """The same, with short answers where it generates them."""
    if isinstance(model.pipeline, TokenPipeline):
        return replace(model, pipeline=model.pipeline.shortened(_BRIEF))
    return model


def quiet_levels(
    model: LoadedModel, tracers: Tracers | None, level: str, batch: Sequence[int]
) -> dict[str, Timed]:
    """The work without tracing and at the levels up to ``layer``, by name.

    Args:
        model: Backend, library and post-processing, with the batch's samples loaded.
        tracers: Record the layers; made here where there are none.
        level: The deepest level.
        batch: The samples.
    """
    model = brief(model)
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
        untraced = Tracers.of(model, _Untraced)
        model_level = traced_pipeline(model, untraced, serial=False, thin=False)
        works["model"] = lambda: model_level.compute(batch)
    if depth >= LEVELS.index("framework"):
        called = Tracers.of(model, lambda backend: tracer_of(backend, with_layers=False))
        calls = traced_pipeline(model, called, serial=False, thin=False)
        works["framework"] = lambda: calls.compute(batch)
    if depth >= LEVELS.index("layer"):
        layers = tracers or Tracers.of(model, lambda backend: tracer_of(backend, with_layers=True))
        deep = traced_pipeline(model, layers, serial=True, thin=False)
        works["layer"] = lambda: deep.compute(batch)
    return {name: _timed(work) for name, work in works.items()}


def traced_pipeline(
    model: LoadedModel,
    tracers: Tracers,
    serial: bool,
    counters: ReadCounters | None = None,
    thin: bool = True,
) -> TracedPipeline | TracedTokenPipeline:
    """The model's pipeline with its steps noted; see its class."""
    library, postprocess, tracer = model.library, model.postprocess, tracers.model
    if isinstance(model.pipeline, TokenPipeline):
        return TracedTokenPipeline(
            model.pipeline, library, postprocess, tracer, serial, counters, tracers.encoder, thin
        )
    return TracedPipeline(model.backend, library, postprocess, tracer, serial, counters)


def deep_level(
    model: LoadedModel, tracers: Tracers, batch: Sequence[int], counters: Counters | None = None
) -> Timed:
    """The work as a level below the framework's layers has it; arguments as above."""
    read = counters.read if counters else None
    pipeline = traced_pipeline(brief(model), tracers, serial=True, counters=read, thin=False)
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
