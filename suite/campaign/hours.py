"""What a full campaign of one model takes: targets for every scenario, and hours.

One short real run a scenario, in the settings of the campaign, is the calibration; the rest
is arithmetic with the round's durations and numbers of queries.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadscope.datasets.task import Progress
from loadscope.errors import WorkError
from loadscope.names import Mode, Scenario
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.record import RunRecord
from loadscope.rundir.spec import RunSpec
from loadscope.rundir.user_conf import UserConf
from loadscope.scenarios.queueing import queueing_rate
from loadscope.submission.rounds import Round, load_round
from loadscope.suite.run.loadgen_settings import loadgen_settings, server_bound
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.tune.short_run import batch_milliseconds, short_run
from loadscope.units import human

CALIBRATION_MS = 3000.0
"""LoadGen's part of each calibration; with start, warm-up and the estimates about 8 s."""


@dataclass(frozen=True)
class ScenarioEstimate:
    """What the calibration of a scenario gave.

    Attributes:
        scenario: The scenario.
        target: The user.conf value: ms of SingleStream and MultiStream, queries/s otherwise.
        reason: Where it comes from.
        rate: Samples a second in this scenario.
        query_s: Mean time of a query, seconds.
        start_s: A process's time before LoadGen starts: import, load, warm-up.
    """

    scenario: Scenario
    target: float
    reason: str
    rate: float
    query_s: float
    start_s: float


@dataclass(frozen=True)
class Step:
    """One LoadGen test of the campaign.

    Attributes:
        scenario: The scenario.
        test: ``performance``, ``accuracy`` or the name of a compliance test.
        seconds: How long it should take.
        reason: What makes it so long.
    """

    scenario: Scenario
    test: str
    seconds: float
    reason: str


def calibrate_scenario(
    spec: RunSpec, folder: Path, command: str, progress: Progress
) -> tuple[ScenarioEstimate, UserConf, RunRecord]:
    """Run a scenario for a few seconds.

    Args:
        spec: The scenario as the campaign would run it.
        folder: The calibration's run directory.
        command: The command line to record.
        progress: Where progress goes.

    Returns:
        What was measured, the scenario's user.conf at full length, and the run's record.
    """
    short = spec.model_copy(update={"mode": (Mode.PERFORMANCE,), "min_duration": CALIBRATION_MS})
    result = short_run(short, folder, command, progress)
    record, rules = RunDirectory(folder).read(), load_round()
    plan, state = ProcessPlan.of(RunDirectory(folder)), result.state[Mode.PERFORMANCE]
    model, calibration = plan.loadgen_model, state.calibration
    if calibration is None or state.noise is None:
        raise WorkError(f"{folder}: nothing was calibrated", "leave the targets of user.conf out")
    target, reason = calibration.value, calibration.reason
    measured_rate = result.samples_per_second if spec.scenario.inline else calibration.measured
    rate = measured_rate or 0.0
    if spec.scenario is Scenario.SERVER:
        bound = server_bound(plan.user_conf(), model, rules)
        batch = batch_milliseconds(folder) or 0.0
        estimate = queueing_rate(rate, plan.execution.workers, batch, bound, 99)
        target = float(f"{estimate:.3g}")
        reason = (
            f"queueing of {plan.execution.workers} worker(s) at {human(batch)} a batch within "
            f"{human(bound)}; 'run --find-rate' measures it"
        )
    # The samples of the calibration, or of this machine, are not those of the campaign.
    conf = loadgen_settings(spec, model, None, rules)
    conf = conf.having(model, spec.scenario, {calibration.key: target})
    mean = (result.latency_ns.mean if result.latency_ns else None) or 0.0
    measured = ScenarioEstimate(
        spec.scenario,
        target,
        reason,
        rate,
        mean / 1e9,
        max(0.0, state.noise.seconds - (state.test_seconds or 0.0)),
    )
    return measured, conf, record


def campaign_steps(
    measured: ScenarioEstimate, model: str, samples: int, rules: Round
) -> list[Step]:
    """The tests of a scenario and their times at full length.

    Args:
        measured: The calibration.
        model: LoadGen's key of the model.
        samples: Samples that an accuracy test covers.
        rules: The round.
    """
    benchmark = rules.benchmarks.get(model)
    performance, reason = _performance(measured, model, rules)
    accuracy = samples / (
        measured.target if measured.scenario is Scenario.SERVER else measured.rate
    )
    steps = [
        Step(measured.scenario, "performance", performance + measured.start_s, reason),
        Step(
            measured.scenario,
            "accuracy",
            accuracy + measured.start_s,
            f"{samples:,} samples, each once",
        ),
    ]
    for test in benchmark.compliance if benchmark else ():
        steps.append(
            Step(measured.scenario, test, performance + measured.start_s, "as long as performance")
        )
    return steps


def _performance(measured: ScenarioEstimate, model: str, rules: Round) -> tuple[float, str]:
    shortest, scenario = rules.min_duration_ms / 1e3, measured.scenario
    queries = rules.min_query_count(model, scenario)
    if scenario is Scenario.OFFLINE:
        # Source: LoadGen's test_settings_internal.cc, Offline: 1.1 x target_qps x seconds.
        count = max(queries, int(1.1 * measured.target * shortest))
        return count / measured.rate, f"{count:,} samples at {measured.rate:.4g} samples/s"
    query = measured.query_s if scenario.inline else 1 / measured.target
    least = rules.scenarios[scenario].early_stopping_queries or 0
    needed = max(queries, least) * query
    if needed > shortest:
        return needed, f"{max(queries, least):,} queries at {human(query * 1e3)}"
    return shortest, f"the round's minimum of {human(shortest * 1e3)}"


def plan_record(
    specs: Sequence[RunSpec], folder: Path, command: str, progress: Progress
) -> dict[str, Any]:
    """Calibrate every scenario and add up the campaign: the object of ``loadscope plan --json``.

    Args:
        specs: The same model and framework, one a scenario.
        folder: Takes the calibrations' run directories.
        command: The command line to record.
        progress: Where progress goes.
    """
    rules, conf = load_round(), UserConf()
    targets, steps, warnings = {}, [], []
    for spec in specs:
        measured, own, record = calibrate_scenario(spec, folder / spec.scenario, command, progress)
        model = ProcessPlan.of(RunDirectory(folder / spec.scenario)).loadgen_model
        conf = UserConf((*conf.settings, *own.settings))
        benchmark = rules.benchmarks.get(model)
        samples = benchmark.dataset_size if benchmark else record.data.full_size
        targets[str(spec.scenario)] = asdict(measured)
        found = campaign_steps(measured, model, samples, rules)
        scored = not record.data.unscored
        steps += [step for step in found if scored or step.test != Mode.ACCURACY]
        noise = record.of(Mode.PERFORMANCE).noise
        warnings += [f"{spec.scenario}: {warning}" for warning in (noise.warnings if noise else ())]
    return {
        "model": specs[0].model,
        "framework": specs[0].framework,
        "round": rules.round,
        "targets": targets,
        "steps": [asdict(step) for step in steps],
        "hours": sum(step.seconds for step in steps) / 3600,
        "not_counted": ["downloads", "preprocessing of the samples, once"],
        "warnings": warnings,
        "user_conf": conf.text(),
    }
