"""Find the highest Server rate that LoadGen calls VALID, by real LoadGen runs.

The search lives in ``rate_search/`` of the run directory: ``search.json`` and one run
directory a probe. The rate is confirmed at full length there too, and the confirmed run then
takes its place in the run directory, so that an unfinished search never looks like a run.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.files import write_json
from loadscope.names import Mode, Scenario
from loadscope.rundir.directory import PLAN_FILE, RESULT_FILE, RunDirectory
from loadscope.rundir.record import ModeState, RateProbe, RateSearchRecord
from loadscope.rundir.spec import RecordedSpec, RunSpec, make_spec, recorded
from loadscope.scenarios.queueing import queueing_rate
from loadscope.submission.rounds import load_round
from loadscope.suite.run.loadgen_settings import server_bound
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.run.resolve import resolve
from loadscope.suite.run.result import CompletedRun, completed
from loadscope.suite.run.runner import resume
from loadscope.suite.tune.rate_estimate import Tried, bracket, next_rate
from loadscope.suite.tune.short_run import batch_milliseconds, sample_milliseconds, short_run

PROBE_MS = 10_000.0
PROBE_QUERIES = 500
"""459 queries, none of them late, are the fewest that prove 99 % to be in time."""
TOLERANCE = 0.03
FOLDER = "rate_search"
_CONFIRMATIONS = 6
"""Two each of three rates."""

Notice = Callable[[RateProbe], None]


@dataclass
class RateSearch:
    """A search in a folder; every probe is on disk before the next one begins.

    Attributes:
        spec: What to run; its rate, if it has one, is the estimate to begin with.
        folder: Takes ``search.json`` and the probes.
        command: The command line to record.
        progress: Where progress goes.
        probe_ms: Shortest probe, milliseconds.
        tolerance: See ``next_rate``.
        most: Most probes.
        longer: How many times as long a rate is tried the second time. It was INVALID the first
            time because it is too high, because the machine was disturbed, or because the queries
            were too few to prove it; more of them tell. There is no third time.
        notice: Told of each run when it is over.
        probes: What has been tried.
        estimate: Queries a second that queueing theory expects; None before the first probe.
    """

    spec: RunSpec
    folder: Path
    command: str
    progress: Progress
    probe_ms: float = PROBE_MS
    tolerance: float = TOLERANCE
    notice: Notice = lambda _: None
    probes: list[RateProbe] = field(default_factory=list)
    estimate: float | None = None
    most: int = 24
    longer: int = 4

    def __post_init__(self) -> None:
        if self.spec.scenario is not Scenario.SERVER:
            raise InputError(
                f"--find-rate: only Server has a rate to find, {self.spec.scenario} has none",
                "use --scenario Server",
            )
        self.estimate = self.estimate or self.spec.target_qps

    @classmethod
    def open(cls, folder: Path, progress: Progress, notice: Notice) -> "RateSearch":
        """Take up the search that ``folder`` holds."""
        path = folder / "search.json"
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            spec = make_spec(held["spec"], str(path), RecordedSpec)
            return cls(
                spec,
                folder,
                held["command"],
                progress,
                held["probe_ms"],
                held["tolerance"],
                notice,
                [RateProbe.model_validate(one) for one in held["probes"]],
                held["estimate"],
            )
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path}: unreadable ({error})", "start a new search") from error

    def save(self) -> None:
        """Write ``search.json``."""
        write_json(
            self.folder / "search.json",
            {
                "spec": self.spec.model_dump(mode="json"),
                "command": self.command,
                "probe_ms": self.probe_ms,
                "tolerance": self.tolerance,
                "estimate": self.estimate,
                "probes": [one.model_dump(mode="json") for one in self.probes],
            },
        )

    def highest(self) -> float:
        """Probe until the highest valid rate is known within the tolerance; queries a second.

        Raises:
            WorkError: No rate is valid.
        """
        self.save()
        if self.estimate is None:
            self._probe(None)
        while len(self.probes) < self.most:
            rate = next_rate(self._tried(), self.estimate or 1.0, self.tolerance)
            if rate is None:
                break
            self._probe(rate)
        valid, _ = bracket(self._tried())
        if valid is None:
            raise WorkError(
                f"{self.spec.model} on {self.spec.framework}: no Server rate is valid, down to "
                f"{min(one.rate for one in self.probes):.3g} queries/s",
                "loosen --server-target-latency, or give fewer --batch-size or less --max-wait",
            )
        return valid

    def holds(self, rate: float) -> bool:
        """Whether LoadGen calls a short run at ``rate`` VALID; if in time but not, a longer one."""
        self._probe(rate)
        last = self.probes[-1]
        if not last.valid and last.p99_ms is not None and last.p99_ms <= last.bound_ms:
            self._probe(rate)
        return self.probes[-1].valid

    def confirmed(self) -> Path:
        """Run the highest valid rate at full length, lower while that is INVALID.

        Returns:
            The run directory of the valid run.

        Raises:
            WorkError: It stays INVALID.
        """
        for _ in range(_CONFIRMATIONS):
            spec = self.spec.model_copy(
                update={"target_qps": self.highest(), "mode": (Mode.PERFORMANCE,)}
            )
            if self.spec.min_duration is not None and self.spec.min_query_count is None:
                # Of a rehearsal's few queries none can prove anything.
                spec = self._lengthened(spec, self.spec.min_duration, self.longer)
            one = self._run(spec, f"confirm-{len(self.probes) + 1:02}")
            self._keep(one)
            if one.valid:
                return self.folder / one.folder
        raise WorkError(
            f"{self.spec.model} on {self.spec.framework}: valid in short runs only; INVALID at "
            f"full length {_CONFIRMATIONS} times",
            f"quieten the machine; the runs are in {self.folder}",
        )

    def _tried(self) -> list[Tried]:
        return [Tried(one.rate, one.valid) for one in self.probes]

    def _probe(self, rate: float | None) -> None:
        """Try a rate, or the calibrated one; longer where it was tried before."""
        rate = None if rate is None else _digits(rate)
        again = any(one.rate == rate for one in self.probes)
        spec = self.spec.model_copy(
            update={"mode": (Mode.PERFORMANCE,), "repeat": 1, "target_qps": rate}
        )
        probe_ms = min(self.probe_ms, self.spec.min_duration or self.probe_ms)
        spec = self._lengthened(spec, probe_ms, self.longer if again else 1)
        self._keep(self._run(spec, f"probe-{len(self.probes) + 1:02}"))

    def _lengthened(self, spec: RunSpec, least_ms: float, times: int) -> RunSpec:
        lengths = {"min_duration": least_ms * times, "min_query_count": PROBE_QUERIES * times}
        return spec.model_copy(update=lengths)

    def _run(self, spec: RunSpec, name: str) -> RateProbe:
        folder = self.folder / name
        if self.probes and spec.layout == "fresh":
            # Found by the first probe.
            spec = spec.model_copy(update={"layout": "auto"})
        result = short_run(spec, folder, self.command, self.progress)
        plan = ProcessPlan.of(RunDirectory(folder))
        rules, model = load_round(), plan.loadgen_model
        bound = server_bound(plan.user_conf(), model, rules)
        calibration = result.state[Mode.PERFORMANCE].calibration
        if calibration and self.estimate is None:
            self.estimate = _digits(
                queueing_rate(
                    calibration.measured,
                    plan.execution.workers,
                    batch_milliseconds(folder) or 0.0,
                    bound,
                    rules.scenarios[Scenario.SERVER].percentile or 99,
                )
            )
        p99 = result.latency_ns.p99 if result.latency_ns else None
        # As it would be tried again.
        rate = _digits(calibration.value) if calibration else spec.target_qps
        return RateProbe(
            rate=rate or 0.0,
            valid=bool(result.valid),
            reasons=result.invalid_reasons,
            noise=result.warnings,
            p99_ms=None if p99 is None else p99 / 1e6,
            bound_ms=bound,
            sample_ms=sample_milliseconds(folder),
            folder=name,
        )

    def _keep(self, one: RateProbe) -> None:
        self.probes.append(one)
        self.save()
        self.notice(one)


def search_and_run(search: RateSearch, run: RunDirectory) -> CompletedRun:
    """Search, confirm, and make the confirmed run the content of ``run``.

    Args:
        search: A new or a half-done search in ``run``'s folder ``rate_search``.
        run: The run directory.
    """
    with RunDirectory(search.folder).locked():
        confirmed = RunDirectory(search.confirmed())
        record = confirmed.read()
        found = {key: getattr(record.spec, key) for key in ("target_qps", "min_query_count")}
        spec = search.spec.model_copy(update=found)
        planned = {mode: ModeState(status="planned") for mode in spec.mode}
        searched = RateSearchRecord(estimate=search.estimate, probes=tuple(search.probes))
        changes = {
            "spec": recorded(spec),
            "state": {**planned, **record.state},
            "rate_search": searched,
        }
        # run.json comes last: with it the folder is a run, without it a search.
        for name in ("performance", "user.conf", PLAN_FILE, RESULT_FILE):
            if (confirmed.path / name).exists():
                (confirmed.path / name).replace(run.path / name)
        run.write(record.model_copy(update=changes))
    if len(spec.mode) > 1:
        resume(run, resolve(spec, search.progress), search.progress)
    return completed(run)


def _digits(rate: float) -> float:
    return float(f"{rate:.4g}")
