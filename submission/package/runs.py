"""Run directories as candidates for a submission, and what speaks against them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loadscope.identity import model_difference
from loadscope.names import Mode
from loadscope.rundir.assemble import assemble
from loadscope.rundir.detail_log import read_detail_log
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.record import BenchmarkNames, RunRecord
from loadscope.rundir.result import ResultRecord
from loadscope.submission.package.recorded import require_recorded
from loadscope.submission.rounds import Round, early_stopping_queries

_MACHINE = ("machine", "byte_order", "processor", "physical_cores", "logical_cores")
"""What of a run's host stays the same on one system; memory differs a little after a restart."""


@dataclass(frozen=True)
class RunProblem:
    """Why a run cannot stand in this submission.

    Attributes:
        message: What and where.
        fix: What to do.
        rehearsable: Whether a rehearsal takes the run all the same.
    """

    message: str
    fix: str
    rehearsable: bool = False


@dataclass(frozen=True)
class Candidate:
    """A run directory with what packaging needs of it.

    Attributes:
        path: The run directory.
        record: ``run.json``.
        result: What ``result.json`` has to hold, assembled from the logs.
        noted: What ``result.json`` holds; None before any test is finished.
        finished: The names of the finished tests.
        samples_per_second: At the measured speed, or None.
    """

    path: Path
    record: RunRecord
    result: ResultRecord
    noted: ResultRecord | None
    finished: frozenset[str]
    samples_per_second: float | None

    @property
    def present(self) -> frozenset[str]:
        """The tests with logs: those that finished, and compliance tests that failed."""
        judged = {mode for mode, state in self.record.state.items() if state.verification}
        return self.finished | judged

    @property
    def names(self) -> BenchmarkNames:
        """The benchmark's names; ``read_candidate`` lets no run without them through."""
        if self.record.model.mlperf is None:
            raise TypeError(f"{self.path}: no benchmark is recorded")
        return self.record.model.mlperf

    @property
    def model(self) -> str:
        """The model's id."""
        return self.record.model.id

    @property
    def loadgen_model(self) -> str:
        """LoadGen's key of the model."""
        return self.names.loadgen

    def benchmark_model(self, rules: Round) -> str:
        """LoadGen's key of the benchmark, for Interactive that of its other scenarios."""
        benchmark = rules.benchmarks.get(self.loadgen_model)
        return (benchmark.interactive_of if benchmark else "") or self.loadgen_model

    @property
    def scenario(self) -> str:
        """The scenario of the round, which calls some of LoadGen's Servers Interactive."""
        return "Interactive" if self.record.spec.interactive else str(self.record.scenario)

    @property
    def accuracy(self) -> float | None:
        """The score in percent, or None where there is none that means anything."""
        score = self.result.accuracy if self.result else None
        return score.value if score else None

    def accuracy_change(self) -> float:
        """How far TEST01's accuracy moved from its baseline, percent; 0 for the same answers."""
        verified = self.record.of(Mode.TEST01).verification
        answers = verified.accuracy if verified else None
        if answers is None or answers.deterministic:
            return 0.0
        before, now = answers.baseline, answers.score
        return abs(1 - before / now) * 100 if before and now else float("inf")

    def infers_multi_stream(self) -> bool:
        """Whether a SingleStream log has the estimate that MultiStream is inferred by."""
        log = read_detail_log(self.logs("performance") / "mlperf_log_detail.txt")
        return bool(log.number("early_stopping_latency_ms"))

    def logs(self, test: str) -> Path:
        """The folder of a test's logs; of a repeated performance test the median's."""
        return RunDirectory(self.path).logs(Mode(test))


def read_candidate(path: Path) -> Candidate:
    """Read a run directory.

    Raises:
        InputError: It is none, or one of its files is corrupt.
    """
    run = RunDirectory(path)
    record, noted = run.read(), run.result()
    require_recorded(record, path / "run.json")
    result = assemble(run, early_stopping_queries)
    return Candidate(
        path, record, result, noted, frozenset(record.finished()), result.samples_per_second
    )


def problems(run: Candidate, division: str, rules: Round) -> Iterator[RunProblem]:
    """What speaks against one run by itself."""
    again = "repeat the run"
    if run.record.traced or (run.path / "trace").exists():
        yield RunProblem(
            f"{run.path} is a traced run; tracing changes the speed",
            "measure again without tracing",
        )
    benchmark = rules.benchmarks.get(run.loadgen_model)
    if benchmark is None:
        yield RunProblem(
            f"{run.path}: '{run.loadgen_model}' is no benchmark of {rules.round}",
            f"leave it out; the benchmarks are: {', '.join(rules.benchmarks)}",
        )
        return
    if run.record.round != rules.round:
        yield RunProblem(
            f"{run.path}: measured for {run.record.round}, this submission is for {rules.round}",
            again,
        )
    loadgen = run.record.versions.get("mlcommons-loadgen")
    if loadgen != rules.loadgen:
        yield RunProblem(
            f"{run.path}: measured with mlcommons-loadgen {loadgen}, {rules.round} wants "
            f"{rules.loadgen}",
            f"pip install mlcommons-loadgen=={rules.loadgen}, and {again}",
        )
    if division == "closed" and run.names.division != "closed":
        yield RunProblem(
            f"{run.path}: {run.model} is not the round's own model",
            "submit it with --division open",
            rehearsable=True,
        )
    if division == "closed" and run.record.remote is not None:
        yield RunProblem(
            f"{run.path}: the SUT was reached by the network ({run.record.remote.protocol})",
            "measure it in LoadGen's process for the closed division, or submit with "
            "--division open",
        )
    for test in tests_of(run, division, rules):
        yield from _wrong_seeds(run, test, rules)
        if not verified(run, [test]):
            yield RunProblem(
                f"{run.path}: {test} was not held against the other tests",
                f"loadscope run --resume {run.path} --mode compliance",
            )
        elif test not in run.finished:
            yield RunProblem(
                f"{run.path}: {test} failed: {run.record.of(Mode(test)).error}",
                f"loadscope run --resume {run.path} --mode compliance",
                rehearsable=True,
            )
    if run.result and run.result.valid is False:
        reasons = "; ".join(run.result.invalid_reasons)
        yield RunProblem(f"{run.path}: the result is INVALID: {reasons}", again)
    if run.record.rehearsal:
        yield RunProblem(
            f"{run.path} is a rehearsal: {'; '.join(run.record.rehearsal)}",
            f"{again} at full length, or build the tree as a --rehearsal",
            rehearsable=True,
        )


def tests_of(run: Candidate, division: str, rules: Round) -> list[str]:
    """The tests of a run that go into a submission, and are there."""
    benchmark = rules.benchmarks.get(run.loadgen_model)
    compliance = benchmark.compliance if benchmark and division == "closed" else ()
    return [test for test in ("performance", "accuracy", *compliance) if test in run.present]


def verified(run: Candidate, tests: list[str]) -> list[str]:
    """Those tests that need no verdict, or have one."""

    def judged(test: Mode) -> bool:
        return not test.audit or run.record.of(test).verification is not None

    return [test for test in tests if judged(Mode(test))]


def _wrong_seeds(run: Candidate, test: str, rules: Round) -> Iterator[RunProblem]:
    log = read_detail_log(run.logs(test) / "mlperf_log_detail.txt")
    for name, seed in rules.seeds.items():
        found = log.values.get(f"effective_{name}")
        if found != seed:
            yield RunProblem(
                f"{run.path}: {test} ran with {name} = {found}, {rules.round} has {seed}",
                f"use mlcommons-loadgen=={rules.loadgen}, and repeat the run",
            )


def mixed(runs: list[Candidate]) -> Iterator[RunProblem]:
    """What keeps runs from standing in one submission together."""
    first: dict[str, Candidate] = {}
    for run in runs:
        other = first.setdefault(run.model, run)
        both = f"{run.path} and {other.path}"
        if difference := model_difference(run.record.model, other.record.model):
            yield RunProblem(
                f"{both}: {difference}",
                f"measure all scenarios of {run.model} with the same model",
            )
        found, expected = run.record.data.digest, other.record.data.digest
        if found != expected:
            yield RunProblem(
                f"{both}: different data: digest {str(found)[:12]}… and {str(expected)[:12]}…",
                f"measure all scenarios of {run.model} with the same data",
            )
    frameworks = {run.record.spec.framework: run for run in runs}
    if len(frameworks) > 1:
        where = " and ".join(f"{name} ({run.path})" for name, run in frameworks.items())
        yield RunProblem(
            f"runs of {len(frameworks)} frameworks: {where}",
            "a system has one framework: submit each with a --system file of its own",
        )
    for run in runs[1:]:
        for key in _MACHINE:
            here, there = getattr(runs[0].record.host, key), getattr(run.record.host, key)
            if here != there:
                yield RunProblem(
                    f"{runs[0].path} and {run.path}: two machines, {key} is {here} and {there}",
                    "submit each with a --system file of its own",
                )
                break
    seen: dict[tuple[str, str], Candidate] = {}
    for run in runs:
        other = seen.setdefault((run.model, run.scenario), run)
        if other is not run:
            yield RunProblem(
                f"two runs of {run.model} {run.scenario}: {other.path} and {run.path}",
                "name the one to submit with --runs",
            )
