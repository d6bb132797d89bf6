"""The measured process: one model, one framework, one LoadGen test, then the end.

Started by the launcher as ``python -m loadscope.suite.worker.test_process RUN_DIR MODE`` in the
folder that takes the logs. It reads ``plan.json``, writes LoadGen's logs, ``latency.bin``,
``batches.bin`` and ``outcome.json``; on an error ``error.json`` says what happened.
"""

import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

from loadscope.errors import DeviceMemoryError, InputError, describe
from loadscope.files import write_json, write_text
from loadscope.names import Mode, Scenario
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.progress import Phase
from loadscope.rundir.record import Calibration as CalibrationRecord
from loadscope.rundir.record import ModeOutcome
from loadscope.rundir.user_conf import UserConf
from loadscope.scenarios.batch_memory import require_memory
from loadscope.scenarios.calibration import (
    batch_of_each_shape,
    calibrate,
    calibration_seconds,
    halved,
    query_size,
    shape_seconds,
    typical_batches,
    warm_shapes,
    warm_up,
)
from loadscope.scenarios.execution import MULTI_STREAM_SAMPLES, Execution
from loadscope.scenarios.live_counters import FILE, LiveCounters
from loadscope.scenarios.query_memory import require_query_memory
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.session import driver_for, run_test
from loadscope.submission.rounds import load_round
from loadscope.suite.run.process_plan import ProcessPlan, TracePlan
from loadscope.suite.run.verdict import offline_samples
from loadscope.suite.worker.loaded_model import open_model
from loadscope.suite.worker.placed_model import place_model
from loadscope.sut.registry import backend_info

_failing = threading.Lock()


def main() -> None:
    """Run the test that the arguments name."""
    run_dir, mode = Path(sys.argv[1]), Mode(sys.argv[2])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        outcome = _run(run_dir, mode, ProcessPlan.of(RunDirectory(run_dir)))
        write_json(Path("outcome.json"), outcome.model_dump(mode="json"))
    except BaseException as error:
        _fail(error)
    # Nothing is left to do, and a framework may wait for ever at the interpreter's end: MXNet
    # does at times, for operators that workers held back when they ended.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _run(run_dir: Path, mode: Mode, plan: ProcessPlan) -> ModeOutcome:
    live = LiveCounters(Path(FILE))
    if plan.trace is not None:
        return _traced(run_dir, plan, plan.trace, live)
    model = place_model(run_dir, plan)
    scenario, execution, pipeline = plan.scenario, model.execution, model.pipeline
    each_shape = backend_info(plan.framework).each_shape and mode is not Mode.ACCURACY
    conf = run_dir / "user.conf"
    calibration = None
    settings = plan.user_conf()
    least = settings.get(plan.loadgen_model, scenario, "min_duration")
    while True:
        batches = typical_batches(model.library, query_size(scenario, execution))
        shapes = batch_of_each_shape(model.library, execution.batch_size) if each_shape else []
        samples = sorted({index for batch in [*batches, *shapes] for index in batch})
        model.samples.load(samples)
        live.enter(Phase.WARMING_UP)
        try:
            if execution.instances == 1:
                require_memory(execution, pipeline.compute, batches[0])
            warm_up(pipeline, execution, batches)
            warm_shapes(pipeline, execution, shapes, shape_seconds(least))
            break
        except DeviceMemoryError as error:
            execution = halved(execution, error)
            model.samples.unload(samples)
    if plan.calibrate and not conf.exists():
        live.enter(Phase.CALIBRATING)
        seconds = calibration_seconds(least)
        calibration = calibrate(scenario, pipeline, execution, batches, seconds, plan.known)
        settings = settings.having(
            plan.loadgen_model, scenario, {calibration.key: calibration.value}
        )
    if not conf.exists():
        write_text(conf, settings.text())
    if each_shape and mode is Mode.PERFORMANCE and (last := _left_over(plan, execution, conf)):
        # The batches go from large to small samples, and so does the query.
        warm_up(pipeline, execution, [batches[-1][:last]])
    model.samples.unload(samples)

    least_samples, least_ms = _least(plan, mode, conf, len(model.library))
    require_query_memory(scenario, least_samples)
    live.expect(least_samples, least_ms, _query_samples(scenario))
    recorder = Recorder(live)
    driver = driver_for(scenario, pipeline, execution, recorder, _fail)
    live.enter(Phase.RUNNING)
    started = time.perf_counter()
    run_test(
        model=plan.loadgen_model,
        scenario=scenario,
        mode=mode,
        user_conf=conf,
        driver=driver,
        library=model.samples,
        folder=Path.cwd(),
        fail=_fail,
        ask_name=model.ask_name,
    )
    seconds = time.perf_counter() - started
    live.enter(Phase.FINISHING)
    recorder.save(Path.cwd())
    # ru_maxrss is in KiB on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return ModeOutcome(
        test_seconds=round(seconds, 3),
        load_seconds=round(model.load_seconds, 3),
        in_force=model.in_force,
        calibration=CalibrationRecord(**vars(calibration)) if calibration else None,
        peak_memory_bytes=peak + model.close(),
        instances=model.places,
        halved_batch=_fewer(execution.batch_size, plan.execution.batch_size),
    )


def _fewer(size: int, planned: int) -> int | None:
    return size if size < planned else None


def _left_over(plan: ProcessPlan, execution: Execution, conf: Path) -> int:
    """Samples in the last batch of Offline's query; 0 where it is as full as the others."""
    if plan.scenario is not Scenario.OFFLINE:
        return 0
    model = plan.loadgen_model
    samples = offline_samples(model, UserConf.read(conf, [model]), load_round())
    return samples % execution.batch_size


def _least(plan: ProcessPlan, mode: Mode, conf: Path, samples: int) -> tuple[int, float]:
    """Samples and milliseconds before which LoadGen will not end."""
    model, scenario, rules = plan.loadgen_model, plan.scenario, load_round()
    if mode is Mode.ACCURACY:
        return samples, 0
    settings = UserConf.read(conf, [model])
    if scenario is Scenario.OFFLINE:
        return offline_samples(model, settings, rules), 0
    queries = settings.get(model, scenario, "min_query_count")
    duration = settings.get(model, scenario, "min_duration")
    if queries is None:
        queries = rules.min_query_count(model, scenario)
    least_ms = rules.min_duration_ms if duration is None else duration
    return int(queries) * _query_samples(scenario), least_ms


def _query_samples(scenario: Scenario) -> int:
    return MULTI_STREAM_SAMPLES if scenario is Scenario.MULTI_STREAM else 1


def _traced(run_dir: Path, plan: ProcessPlan, trace: TracePlan, live: LiveCounters) -> ModeOutcome:
    # A test that is no trace need not wait for a tenth of its imports.
    from loadscope.suite.worker.tracing.collect import environment, traced_test

    os.environ.update(environment(plan, trace))
    model = open_model(plan)
    batches = typical_batches(model.library, query_size(plan.scenario, plan.execution))
    model.library.load(sorted({index for batch in batches for index in batch}))
    live.enter(Phase.WARMING_UP)
    warm_up(model.pipeline, plan.execution, batches)
    seconds = traced_test(plan, model, batches, run_dir / "user.conf", live, _fail)
    return ModeOutcome(
        load_seconds=round(model.load_seconds, 3),
        in_force=model.in_force,
        test_seconds=seconds,
        traced=True,
    )


def _fail(error: BaseException) -> NoReturn:
    """Leave the evidence and end the process, from whichever thread.

    LoadGen's threads wait for answers that will not come, so nothing can be unwound.
    """
    _failing.acquire()
    write_json(Path("error.json"), describe(error))
    sys.stderr.flush()
    os._exit(2 if isinstance(error, InputError) else 1)


def _end_with_parent() -> None:
    """Wait for the parent's end of the pipe to close, which it does however the parent ends."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
