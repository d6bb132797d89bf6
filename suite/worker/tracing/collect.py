"""The traced test's own parts: what is noted while it runs, and what is written after it."""

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import time_ns
from typing import Any

from loadscope.datasets.library import SampleLibrary
from loadscope.devices import GPUS, kind_of
from loadscope.files import write_json, write_text
from loadscope.names import Mode, Scenario
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.progress import Phase
from loadscope.rundir.user_conf import UserConf
from loadscope.scenarios.calibration import calibrate, query_size
from loadscope.scenarios.inference_pipeline import Fail
from loadscope.scenarios.live_counters import LiveCounters
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.session import driver_for, run_test
from loadscope.scenarios.tokens.pipeline import TokenPipeline
from loadscope.scenarios.tokens.tracing import ENCODER, TracedTokenPipeline
from loadscope.scenarios.tracing import BatchNote, TracedPipeline, TracingDriver
from loadscope.suite.run.loadgen_settings import target_key
from loadscope.suite.run.process_plan import ProcessPlan, TracePlan
from loadscope.suite.worker.loaded_model import LoadedModel
from loadscope.suite.worker.paired_timing import Timed
from loadscope.suite.worker.tracing.assemble import Noted, assemble
from loadscope.suite.worker.tracing.events import LEVELS, Header, write_events
from loadscope.suite.worker.tracing.levels import (
    Tracers,
    brief,
    deep_level,
    measure_levels,
    quiet_levels,
    traced_pipeline,
)
from loadscope.suite.worker.tracing.silent import silent_levels
from loadscope.suite.worker.tracing.summary import summarise
from loadscope.sut.backend import Backend
from loadscope.sut.registry import backend_info
from loadscope.sut.tracing import (
    CountingTracer,
    LibraryTracer,
    PredictTrace,
    Primitive,
    Tracer,
    onednn,
    tracer_of,
)
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.counters import Counters

TRACE_LOG = "mlperf_log_trace.json"
_SHORTEST_MS = 1
_EXPECTED_MS = 10


def reaches(level: str, wanted: str) -> bool:
    """Whether a level includes another."""
    return LEVELS.index(level) >= LEVELS.index(wanted)


def _tells_onednn(plan: ProcessPlan) -> bool:
    """Whether the framework runs by oneDNN and says so: not where a GPU computes."""
    info = backend_info(plan.framework)
    gpu = kind_of(info.device(plan.artifact.options)) in GPUS
    return "library" in info.trace_levels and not gpu


def environment(plan: ProcessPlan, trace: TracePlan) -> dict[str, str]:
    """What must be set before the framework is imported.

    oneDNN is not asked to print where the framework is not known to run by it: copies of it in
    others fail while they print (OpenVINO 2026.4 with two threads).
    """
    wanted = reaches(trace.level, "library") and _tells_onednn(plan)
    return onednn.ENVIRONMENT if wanted else {}


def settings(plan: ProcessPlan, trace: TracePlan, conf: UserConf) -> UserConf:
    """The user.conf of a test that ends after the wanted number of batches."""
    size = plan.execution.batch_size
    whole = query_size(plan.scenario, plan.execution)
    if plan.scenario.inline:
        queries = -(-trace.batches // -(-whole // size))
    else:
        queries = trace.batches * size
    values: dict[str, float] = {"min_duration": _SHORTEST_MS, "min_query_count": queries}
    if plan.scenario is not Scenario.OFFLINE:
        values["max_query_count"] = queries
    key = target_key(plan.scenario)
    if conf.get(plan.loadgen_model, plan.scenario, key) is None:
        # LoadGen draws up queries by it, which the counts above decide.
        values[key] = _EXPECTED_MS if plan.scenario.inline else 1
    return conf.having(plan.loadgen_model, plan.scenario, values)


def traced_test(
    plan: ProcessPlan,
    model: LoadedModel,
    batches: Sequence[Sequence[int]],
    conf: Path,
    live: LiveCounters,
    fail: Fail,
) -> float:
    """Run one LoadGen test with tracing and leave its files in the working directory.

    Args:
        plan: What to run; its ``trace`` is set.
        model: Loaded and warmed up.
        batches: Typical batches, their samples loaded; unloaded afterwards.
        conf: The user.conf to write.
        live: Told of what is answered.
        fail: See ``scenarios.inference_pipeline``.

    Returns:
        LoadGen's part of the test, seconds.
    """
    trace = plan.trace
    if trace is None:
        raise TypeError("the plan traces nothing")
    counters = Counters() if reaches(trace.level, "hardware") else None
    library = reaches(trace.level, "library")
    tracers = Tracers.of(model, partial(_tracer, level=trace.level))
    deepest = tracers.each(partial(_deepest, library=library, counters=counters))
    for at in range(trace.warmup):
        batch = batches[at % len(batches)]
        if isinstance(model.pipeline, TokenPipeline):
            traced_pipeline(brief(model), deepest, serial=True, thin=False).compute(batch)
        else:
            deepest.model.predict(model.library.batch(batch))
    for each in deepest.all():
        each.forget()
    conf_before = plan.user_conf()
    key = target_key(plan.scenario)
    if (
        plan.scenario is Scenario.SERVER
        and conf_before.get(plan.loadgen_model, plan.scenario, key) is None
    ):
        found = calibrate(plan.scenario, model.pipeline, plan.execution, batches)
        conf_before = conf_before.having(
            plan.loadgen_model, plan.scenario, {found.key: found.value}
        )
    wanted = settings(plan, trace, conf_before)
    write_text(conf, wanted.text())
    pipeline = traced_pipeline(
        model,
        deepest,
        library or any(each.one_at_a_time for each in tracers.all()),
        counters.read if counters else None,
    )
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(onednn.captured()) if library else []
        live.enter(Phase.RUNNING)
        start = time_ns()
        _run_loadgen(plan, pipeline, model.library, conf, live, fail)
        end = time_ns()
    live.enter(Phase.FINISHING)
    # The samples of the test are unloaded; those of the typical batches may be among them.
    model.library.load(sorted({index for batch in batches for index in batch}))
    levels = _levels(plan, model, tracers, deepest, batches[0], counters, conf.parent)
    traces = _finished(deepest, pipeline.notes)
    own = _kernels(deepest) if library else None
    primitives = onednn.primitives(lines) if own is None else own
    unavailable = dict(counters.unavailable) if counters else {}
    for each in deepest.all():
        unavailable |= getattr(each, "unavailable", {})
    if counters and counters.names and not isinstance(tracers.model, CountingTracer):
        unavailable["counters of layers"] = (
            f"{plan.framework} cannot be stopped between layers to read them; those of each "
            "predict are there"
        )
    if library and not primitives:
        unavailable["library"] = (
            f"{plan.framework} told of no kernel: the profile has none of the GPU"
            if own is not None
            else f"{plan.framework} ran no oneDNN primitive in this model"
            if _tells_onednn(plan)
            else f"{plan.framework} tells of no oneDNN primitives below a layer"
        )
    if counters:
        counters.close()
    execution = plan.execution
    header = Header(
        levels=LEVELS[: LEVELS.index(trace.level) + 1],
        model=RunDirectory(conf.parent).read().model.id,
        framework=plan.framework,
        scenario=str(plan.scenario),
        threads=execution.threads,
        workers=execution.workers,
        batch_size=execution.batch_size,
        unavailable=unavailable,
    )
    noted = Noted(
        start,
        end,
        pipeline.issued,
        pipeline.notes,
        traces,
        primitives,
        Path(TRACE_LOG),
        frozenset(at for at, note in enumerate(pipeline.notes) if not pipeline.kept(note)),
    )
    events, outside = assemble(header, noted)
    write_events(Path("events.jsonl"), header, events)
    write_json(Path("levels.json"), levels)
    write_json(Path("summary.json"), summarise(header, events, levels, outside))
    Path(TRACE_LOG).unlink()
    return round((end - start) / 1e9, 3)


def _tracer(backend: Backend, level: str) -> Tracer:
    """What notes a backend's calls, with layers where the level has them."""
    if not reaches(level, "framework"):
        return CallTracer(backend.predict)
    return tracer_of(backend, reaches(level, "layer"))


def _deepest(tracer: Tracer, library: bool, counters: Counters | None) -> Tracer:
    """The same with what it can tell below its layers."""
    if counters and counters.names and isinstance(tracer, CountingTracer):
        return tracer.counted(counters)
    return tracer.with_library() if library and isinstance(tracer, LibraryTracer) else tracer


def _finished(tracers: Tracers, notes: Sequence[BatchNote]) -> list[PredictTrace]:
    """The records of the test's steps; behind them a tracer has those of the levels."""
    encoded = sum(note.traced and note.what == ENCODER for note in notes)
    decoded = sum(note.traced and note.what != ENCODER for note in notes)
    found = tracers.model.finish()[:decoded]
    return found + (tracers.encoder.finish()[:encoded] if tracers.encoder else [])


def _kernels(tracers: Tracers) -> list[Primitive] | None:
    """What tracers tell of below the layers, by start; None where they tell nothing."""
    tellers = [each for each in tracers.all() if isinstance(each, LibraryTracer)]
    found = [primitive for each in tellers for primitive in each.primitives()]
    return sorted(found, key=lambda one: one.start_ns) if tellers else None


def _levels(
    plan: ProcessPlan,
    model: LoadedModel,
    tracers: Tracers,
    deepest: Tracers,
    batch: Sequence[int],
    counters: Counters | None,
    run_dir: Path,
) -> dict[str, Any]:
    """Measure what each level costs, those without oneDNN's output where there is none."""
    level = plan.trace.level if plan.trace else ""
    with contextlib.ExitStack() as stack:
        own = isinstance(deepest.model, LibraryTracer)
        if reaches(level, "library") and (own or _tells_onednn(plan)):
            works: dict[str, Timed] = {
                **stack.enter_context(silent_levels(run_dir, "layer", batch)),
                "library": deep_level(model, deepest if own else tracers, batch),
            }
            stack.enter_context(onednn.captured())
        else:
            works = quiet_levels(model, tracers, level, batch)
        if counters:
            works["hardware"] = deep_level(model, deepest, batch, counters)
        return measure_levels(works)


def _run_loadgen(
    plan: ProcessPlan,
    pipeline: TracedPipeline | TracedTokenPipeline,
    library: SampleLibrary,
    conf: Path,
    live: LiveCounters,
    fail: Fail,
) -> None:
    recorder = Recorder(live)
    driver = driver_for(plan.scenario, pipeline, plan.execution, recorder, fail)
    run_test(
        model=plan.loadgen_model,
        scenario=plan.scenario,
        mode=Mode.TRACE,
        user_conf=conf,
        driver=TracingDriver(driver, pipeline),
        library=library,
        folder=Path.cwd(),
        fail=fail,
        trace=True,
    )
