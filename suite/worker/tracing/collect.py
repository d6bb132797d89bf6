"""The traced test's own parts: what is noted while it runs, and what is written after it."""

import contextlib
from collections.abc import Sequence
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
from loadscope.scenarios.tokens.tracing import TracedTokenPipeline
from loadscope.scenarios.tracing import TracedPipeline, TracingDriver
from loadscope.suite.run.loadgen_settings import target_key
from loadscope.suite.run.process_plan import ProcessPlan, TracePlan
from loadscope.suite.worker.loaded_model import LoadedModel
from loadscope.suite.worker.paired_timing import Timed
from loadscope.suite.worker.tracing.assemble import Noted, assemble
from loadscope.suite.worker.tracing.events import LEVELS, Header, write_events
from loadscope.suite.worker.tracing.levels import (
    deep_level,
    measure_levels,
    quiet_levels,
    traced_pipeline,
)
from loadscope.suite.worker.tracing.silent import silent_levels
from loadscope.suite.worker.tracing.summary import summarise
from loadscope.sut.registry import backend_info
from loadscope.sut.tracing import CountingTracer, LibraryTracer, Tracer, onednn, tracer_of
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
    tracer: Tracer = CallTracer(model.backend.predict)
    if reaches(trace.level, "framework"):
        tracer = tracer_of(model.backend, reaches(trace.level, "layer"))
    counters = Counters() if reaches(trace.level, "hardware") else None
    library = reaches(trace.level, "library")
    deepest = tracer
    if library and isinstance(tracer, LibraryTracer):
        deepest = tracer.with_library()
    if counters and counters.names and isinstance(tracer, CountingTracer):
        deepest = tracer.counted(counters)
    for at in range(trace.warmup):
        batch = batches[at % len(batches)]
        if isinstance(model.pipeline, TokenPipeline):
            traced_pipeline(model, deepest, serial=True).compute(batch)
        else:
            deepest.predict(model.library.batch(batch))
    deepest.forget()
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
        tracer.one_at_a_time or reaches(trace.level, "library"),
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
    levels = _levels(plan, model, tracer, deepest, batches[0], counters, conf.parent)
    traces = deepest.finish()[: len(pipeline.notes)]
    own = deepest if library and isinstance(deepest, LibraryTracer) else None
    primitives = own.primitives() if own else onednn.primitives(lines)
    unavailable = dict(counters.unavailable) if counters else {}
    unavailable |= getattr(deepest, "unavailable", {})
    if counters and counters.names and not isinstance(tracer, CountingTracer):
        unavailable["counters of layers"] = (
            f"{plan.framework} cannot be stopped between layers to read them; those of each "
            "predict are there"
        )
    if library and not primitives:
        unavailable["library"] = (
            f"{plan.framework} told of no kernel: the profile has none of the GPU"
            if own
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
    noted = Noted(start, end, pipeline.issued, pipeline.notes, traces, primitives, Path(TRACE_LOG))
    events, outside = assemble(header, noted)
    write_events(Path("events.jsonl"), header, events)
    write_json(Path("levels.json"), levels)
    write_json(Path("summary.json"), summarise(header, events, levels, outside))
    Path(TRACE_LOG).unlink()
    return round((end - start) / 1e9, 3)


def _levels(
    plan: ProcessPlan,
    model: LoadedModel,
    tracer: Tracer,
    deepest: Tracer,
    batch: Sequence[int],
    counters: Counters | None,
    run_dir: Path,
) -> dict[str, Any]:
    """Measure what each level costs, those without oneDNN's output where there is none."""
    level = plan.trace.level if plan.trace else ""
    with contextlib.ExitStack() as stack:
        own = isinstance(deepest, LibraryTracer)
        if reaches(level, "library") and (own or _tells_onednn(plan)):
            works: dict[str, Timed] = {
                **stack.enter_context(silent_levels(run_dir, "layer", batch)),
                "library": deep_level(model, deepest if own else tracer, batch),
            }
            stack.enter_context(onednn.captured())
        else:
            works = quiet_levels(model, tracer, level, batch)
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
