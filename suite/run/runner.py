"""Carry out a run: one fresh process for each LoadGen test, then the figures."""

import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, LoadScopeError
from loadscope.files import write_text
from loadscope.identity import model_difference
from loadscope.names import Mode, Scenario
from loadscope.rundir.detail_log import DetailLog, read_detail_log
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.figures import figures, invalid_reasons
from loadscope.rundir.log_digests import log_digests
from loadscope.rundir.progress import LiveProgress, LiveReport
from loadscope.rundir.record import Calibration as CalibrationRecord
from loadscope.rundir.record import (
    ExecutionRecord,
    ModeOutcome,
    ModeState,
    RepeatOutcome,
    RunRecord,
)
from loadscope.rundir.repeat import median_run
from loadscope.rundir.spec import recorded
from loadscope.rundir.user_conf import UserConf
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.expectation import CalibrationResult, expectation
from loadscope.submission.compliance.audit import audit_config
from loadscope.submission.rounds import CURRENT, early_stopping_queries, load_round
from loadscope.suite.run.compliance import invalid_performance, tests_of, verify
from loadscope.suite.run.engine import Cancelled, Engine, RequestedTest, Watch, forget_cancel
from loadscope.suite.run.launcher import LOCAL
from loadscope.suite.run.live import scoring
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.run.resolve import ResolvedRun
from loadscope.suite.run.result import CompletedRun, completed
from loadscope.suite.run.scoring import score_run
from loadscope.suite.run.verdict import Asked, require_as_asked

_MOST_CORRECTIONS = 2


def refuse_stray_audit_config(folder: Path) -> None:
    """Check that nothing turns the run into a compliance test without a word.

    Raises:
        InputError: LoadGen's ``audit.config`` lies in ``folder``.
    """
    stray = folder / "audit.config"
    if stray.exists():
        raise InputError(
            f"{stray.resolve()} would make LoadGen run a compliance test",
            "move it away or start from another folder",
        )


def new_run(
    resolved: ResolvedRun,
    folder: Path,
    command: str,
    progress: Progress,
    user_conf: str = "",
    engine: Engine = LOCAL,
) -> CompletedRun:
    """Start a run in ``folder`` and carry it out.

    Args:
        resolved: What to run.
        folder: The run directory, new or empty.
        command: The command line to record.
        progress: Where progress goes; one that is a ``LiveReport`` too is told where a test stands.
        user_conf: The text of a user.conf to use as it is, when a run is repeated.
        engine: Where the tests run.
    """
    run = RunDirectory(folder)
    with run.locked():
        record = resolved.record(command, tests_of(resolved))
        run.claim(record, resolved.plan.model_dump_json(indent=2))
        if user_conf:
            (folder / "user.conf").write_text(user_conf, encoding="utf-8")
        return _carry_out(run, resolved, progress, engine)


def resume(
    run: RunDirectory, resolved: ResolvedRun, progress: Progress, engine: Engine = LOCAL
) -> CompletedRun:
    """Carry out what is unfinished in a run.

    Args:
        run: The run directory.
        resolved: The same spec, resolved again.
        progress: See ``new_run``.
        engine: Where the tests run.

    Raises:
        InputError: The model or the data are not the ones the run began with.
    """
    with run.locked():
        record = run.read()
        require_same_inputs(record, resolved, run.path)
        planned = {mode: ModeState(status="planned") for mode in tests_of(resolved)}
        changes = {"spec": recorded(resolved.spec), "state": {**planned, **record.state}}
        resolved = replace(resolved, plan=_as_begun(resolved.plan, record))
        run.write_plan(resolved.plan.model_dump_json(indent=2))
        run.write(record.model_copy(update=changes))
        return _carry_out(run, resolved, progress, engine)


def require_same_inputs(old: RunRecord, new: ResolvedRun, where: Path) -> None:
    """Check that model and data are what a recorded run had.

    Raises:
        InputError: A digest differs; the message has both.
    """
    if difference := model_difference(old.model, new.model):
        raise InputError(f"{where}: {difference}", "restore the model, or start a new run")
    then, now = old.data.digest, new.data.digest
    if then != now:
        raise InputError(
            f"{where}: the data has changed: digest {str(then)[:12]}… then, {str(now)[:12]}… now",
            "restore the data, or start a new run",
        )


def _carry_out(
    run: RunDirectory, resolved: ResolvedRun, progress: Progress, engine: Engine
) -> CompletedRun:
    forget_cancel(run.path)
    record = run.read()
    for mode in record.state:
        verified = run.read().of(mode).verification is not None
        if mode.audit and not (verified and run.status(mode) == "finished"):
            reasons = invalid_performance(run)
            if reasons:
                # It would take as long as the performance test, and tell nothing.
                error = f"needs a VALID performance test; it is INVALID: {'; '.join(reasons)}"
                run.set_state(mode, status="failed", error=error, verification=None)
                completed(run)
                continue
        if run.status(mode) != "finished":
            _tests(run, mode, resolved.plan, record, progress, engine)
            if mode is Mode.ACCURACY:
                with scoring(run.path, mode):
                    score_run(run, resolved.dataset, progress)
        if mode.audit and run.read().of(mode).verification is None:
            with scoring(run.path, mode):
                verify(run, mode, resolved.dataset, progress)
        completed(run)
    return completed(run)


def _tests(
    run: RunDirectory,
    mode: Mode,
    plan: ProcessPlan,
    record: RunRecord,
    progress: Progress,
    engine: Engine,
) -> None:
    """One test, or the repeats of the performance test that are not there yet."""
    fresh = {"verification": None} if mode.audit else {}
    run.set_state(mode, status="running", started=_now(), error=None, **fresh)
    count = record.spec.repeat if mode is Mode.PERFORMANCE else 1
    repeats = list(record.of(mode).repeats)
    median: int | None = None
    outcome: ModeOutcome = ModeOutcome()
    try:
        for number in range(len(repeats) + 1, count + 1):
            name = f"{record.model.id} {plan.framework} {plan.scenario} {mode}"
            name += f" {number} of {count}" if count > 1 else ""
            test = RequestedTest(mode, number, count)
            outcome = _one_test(run, test, plan, _watcher(name, progress), engine)
            if count > 1:
                repeats.append(RepeatOutcome(run=number, **outcome.model_dump()))
                run.set_state(mode, repeats=[one.model_dump(mode="json") for one in repeats])
    except KeyboardInterrupt:
        run.set_state(mode, status="interrupted", ended=_now(), error="interrupted (Ctrl-C)")
        raise
    except Cancelled as error:
        run.set_state(mode, status="interrupted", ended=_now(), error=error.message)
        raise
    except LoadScopeError as error:
        run.set_state(mode, status="failed", ended=_now(), error=error.message)
        raise
    if count > 1:
        number = median_run(repeats, plan.scenario)
        outcome, median = repeats[number - 1], number
    told = outcome.model_dump(mode="json", exclude={"run"})
    run.set_state(mode, status="finished", ended=_now(), median_run=median, **told)


def _one_test(
    run: RunDirectory, test: RequestedTest, plan: ProcessPlan, watch: Watch, engine: Engine
) -> ModeOutcome:
    """Run a test in a fresh process and hold its log against what was asked.

    Returns:
        What the engine said, and ``value`` and ``valid`` of a performance test.
    """
    mode, number = test.mode, test.run
    outcome, log = _attempt(run, test, plan, watch, engine)
    corrections = 0
    while mode is Mode.PERFORMANCE and corrections < _MOST_CORRECTIONS:
        expected = _missed_estimate(outcome, log, plan.scenario)
        if expected is None:
            break
        # The machine was slower while it was calibrated than in the test: LoadGen ran out of
        # queries. Told of the rate that it has just seen, it does not.
        corrections += 1
        conf = _conf(run, plan).having(
            plan.loadgen_model, plan.scenario, {expected.key: expected.value}
        )
        write_text(run.path / "user.conf", conf.text())
        outcome, log = _attempt(run, test, plan, watch, engine)
        told = CalibrationRecord(**vars(expected), corrections=corrections)
        outcome = outcome.model_copy(update={"calibration": told})
    digests = log_digests(run.partial(mode, number))
    outcome = outcome.model_copy(update={"sha256": digests})
    run.finish(mode, number)
    if mode is not Mode.PERFORMANCE:
        return outcome
    return outcome.model_copy(
        update={
            "value": figures(log, plan.scenario).metric.value,
            "valid": not invalid_reasons(log, _early_stopping(plan)),
        }
    )


def _early_stopping(plan: ProcessPlan) -> int | None:
    return early_stopping_queries(CURRENT, plan.scenario)


def _attempt(
    run: RunDirectory, test: RequestedTest, plan: ProcessPlan, watch: Watch, engine: Engine
) -> tuple[ModeOutcome, DetailLog]:
    mode = test.mode
    folder = run.begin(mode, test.run)
    if mode.audit:
        benchmark = load_round().benchmarks[plan.loadgen_model]
        write_text(folder / "audit.config", audit_config(benchmark.compliance[mode]))
    try:
        launched = engine.launch(run.path, test, watch)
    finally:
        _take_layout(run)
    record = run.read()
    if not record.finished():
        # The machine of the first test is the run's, whichever has resolved it.
        run.write(record.model_copy(update={"host": launched.host}))
    samples = record.data.samples
    asked = Asked(plan.loadgen_model, plan.scenario, mode, _conf(run, plan), samples)
    log = read_detail_log(folder / "mlperf_log_detail.txt")
    require_as_asked(log, asked, load_round())
    return launched.outcome, log


def _take_layout(run: RunDirectory) -> None:
    """Record what is in effect, which is known where the test runs alone."""
    plan, record = ProcessPlan.of(run), run.read()
    if plan.layout is not None and record.layout is None:
        effective = ExecutionRecord.model_validate(asdict(plan.execution))
        run.write(record.model_copy(update={"effective": effective, "layout": plan.layout}))


def _as_begun(plan: ProcessPlan, record: RunRecord) -> ProcessPlan:
    """The plan of a run that goes on: with the layout that its first test had."""
    if record.layout is None and not record.finished():
        return plan
    execution = Execution(**record.effective.model_dump())
    changes = {"execution": execution, "search": None, "layout": record.layout}
    return plan.model_copy(update=changes)


def _conf(run: RunDirectory, plan: ProcessPlan) -> UserConf:
    return UserConf.read(run.path / "user.conf", [plan.loadgen_model])


def _missed_estimate(
    outcome: ModeOutcome, log: DetailLog, scenario: Scenario
) -> CalibrationResult | None:
    """What to expect instead, if a test ended early because its calibration was too slow."""
    if outcome.calibration is None or scenario is Scenario.SERVER:
        # Server's rate is what is asked of it, not what it is expected to do.
        return None
    if log.values.get("result_min_duration_met") is not False:
        return None
    if scenario.inline:
        fastest = log.number("result_min_latency_ns")
        return expectation(scenario, fastest / 1e6) if fastest else None
    rate = log.number("result_samples_per_second")
    return expectation(scenario, rate) if rate else None


def _watcher(name: str, progress: Progress) -> Watch:
    if isinstance(progress, LiveReport):
        return partial(progress.live, name)

    def watch(now: LiveProgress) -> None:
        total = 0 if now.left_s is None else int(now.elapsed_s + now.left_s) + 1
        progress(f"{name}: {now.phase}", int(now.elapsed_s) if total else 0, total)

    return watch


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
