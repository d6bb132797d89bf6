"""The results of a submission tree, and of two of them side by side."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from loadscope.names import Scenario
from loadscope.quantities import quantity, score
from loadscope.rundir.figures import ESTIMATE, RATE
from loadscope.submission.check.accuracy_rules import scores
from loadscope.submission.check.compliance_rules import COMPLIANCE
from loadscope.submission.check.files import Files
from loadscope.submission.check.rule import show
from loadscope.submission.check.subjects import DIVISIONS, METRICS, LoggedTest, Result, Tree
from loadscope.submission.rounds import Round
from loadscope.suite.report.wording import NONE
from loadscope.suite.run.shortfall import shortfalls

_FOUND = ("value", "accuracy", "valid", "compliance", "rehearsal")
"""What of a result can differ between two submissions of the same thing."""
_MARKER = "documentation/REHEARSAL.md"
"""What marks a tree that ``loadscope submit --rehearsal`` has made."""
_NAMES: dict[str, str] = {
    Scenario.SINGLE_STREAM: "latency_p90",
    Scenario.MULTI_STREAM: "latency_p99",
    Scenario.OFFLINE: "samples_per_second",
    Scenario.SERVER: "completed_samples_per_second",
}
_PASSED = {"passed": True, "FAILED": False, "absent": None}
_SAMPLES = 8
"""Samples of a MultiStream query; a result inferred from SingleStream counts so many."""


@dataclass(frozen=True)
class Submitted:
    """One result of a submission.

    Attributes:
        division: ``closed`` or ``open``.
        submitter: Its folder's name.
        system: Name of the system.
        benchmark: The benchmark's folder.
        model: The round's benchmark that it stands for.
        scenario: The scenario.
        value: The figure the scenario is judged by, or None where the logs have none.
        unit: ``ms`` (less is better) or ``samples/s`` (more is).
        inferred: The scenario that was run, where it is another one.
        accuracy: The score, in percent unless ``accuracy_unit`` says otherwise.
        metric: What the score is, such as top-1.
        valid: Whether LoadGen calls the performance run VALID.
        compliance: Each compliance test that is there or has to be, and whether ``loadscope
            check`` finds it ``passed``, ``FAILED`` or ``absent``.
        rehearsal: Why it is no result of full length: the tree or the result says so, or its
            log does; empty where it is one.
    """

    division: str
    submitter: str
    system: str
    benchmark: str
    model: str
    scenario: str
    value: float | None
    unit: str
    inferred: str
    accuracy: float | None
    metric: str
    valid: bool
    compliance: tuple[tuple[str, str], ...] = ()
    rehearsal: tuple[str, ...] = ()
    accuracy_unit: str = "%"

    def record(self) -> dict[str, Any]:
        """The result as plain data, in the shape that ``loadscope run --json`` has for a fact."""
        latency = self.unit == "ms"
        return {
            "division": self.division,
            "submitter": self.submitter,
            "system": self.system,
            "benchmark": self.benchmark,
            "model": self.model,
            "scenario": self.scenario,
            "inferred": self.inferred,
            "valid": self.valid,
            "metric": {
                "name": _NAMES.get(self.scenario),
                "value": self.value,
                "unit": self.unit,
                "kind": ESTIMATE if latency else RATE,
            },
            "accuracy": {"metric": self.metric, "value": self.accuracy},
            "compliance": {test: {"passed": _PASSED[found]} for test, found in self.compliance},
            "rehearsal": list(self.rehearsal),
            "unverified": True,
        }

    @property
    def result_text(self) -> str:
        """The figure with its unit, and what it was inferred from."""
        if self.value is None:
            return NONE
        text = quantity(self.value, self.unit)
        return f"{text} (from {self.inferred})" if self.inferred else text

    @property
    def accuracy_text(self) -> str:
        """The score with its metric."""
        if self.accuracy is None:
            return NONE
        return f"{score(self.accuracy, self.accuracy_unit)} {self.metric}"

    @property
    def verdict(self) -> str:
        """``valid`` or ``INVALID``."""
        return "valid" if self.valid else "INVALID"


@dataclass(frozen=True)
class SubmissionRow:
    """A result, and the one of the other submission that it is compared with."""

    first: Submitted | None
    second: Submitted | None = None

    @property
    def shown(self) -> Submitted:
        """The result that names the row."""
        shown = self.first or self.second
        if shown is None:
            raise ValueError("a row without a result")
        return shown

    @property
    def sides(self) -> list[Submitted]:
        """The results of the row."""
        return [one for one in (self.first, self.second) if one]

    @property
    def speedup(self) -> float | None:
        """How many times as fast the second one is."""
        before, after = (one and one.value for one in (self.first, self.second))
        if not before or not after:
            return None
        return before / after if self.shown.unit == "ms" else after / before

    @property
    def speedup_text(self) -> str:
        """The speedup, or why there is none."""
        if self.first is None or self.second is None:
            return "only in the " + ("second" if self.first is None else "first")
        return NONE if self.speedup is None else f"{self.speedup:.3f} x"


def is_submission(path: Path) -> bool:
    """Whether a folder is a submission tree, and no folder of runs."""
    return any((path / division).is_dir() for division in DIVISIONS)


def read_submission(root: Path, rules: Round) -> list[Submitted]:
    """Read every result of a tree, whether it passes the check or not.

    Scenarios are in LoadGen's order.
    """
    return [
        _submitted(result)
        for submitter in Tree(Files.walk(root), rules).submitters
        for system in submitter.systems
        for benchmark in system.benchmarks
        for result in sorted(benchmark.results, key=_place)
    ]


def side_by_side(first: Sequence[Submitted], second: Sequence[Submitted]) -> list[SubmissionRow]:
    """Pair the results of two submissions: on the same system, else where only one can be meant."""

    def by_system(one: Submitted) -> Hashable:
        return one.division, one.system, one.model, one.benchmark, one.scenario

    def by_benchmark(one: Submitted) -> Hashable:
        return one.division, one.model, one.scenario

    pairs = dict(_pairs(first, second, by_system))
    taken = set(map(id, pairs.values()))
    rest = [one for one in first if one not in pairs]
    others = [one for one in second if id(one) not in taken]
    pairs |= dict(_pairs(rest, others, by_benchmark))
    taken = set(map(id, pairs.values()))
    rows = [SubmissionRow(one, pairs.get(one)) for one in first]
    return rows + [SubmissionRow(None, one) for one in second if id(one) not in taken]


def csv_text(rows: Sequence[SubmissionRow], compared: bool) -> str:
    """The rows as CSV with a header."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    names = [field.name for field in fields(Submitted) if field.name not in _FOUND]
    others = [f"other_{name}" for name in ("system", *_FOUND)]
    writer.writerow([*names, *_FOUND, *([*others, "times_as_fast"] if compared else [])])
    for row in rows:
        cells = [getattr(row.shown, name) for name in names]
        cells += _found(row.first)
        if compared:
            other = row.second
            cells += [other and other.system, *_found(other), row.speedup]
        writer.writerow(cells)
    return written.getvalue()


def rows_record(rows: Sequence[SubmissionRow], compared: bool) -> list[dict[str, Any]]:
    """The rows as plain data."""
    if not compared:
        return [row.shown.record() for row in rows]
    return [
        {
            "first": row.first.record() if row.first else None,
            "second": row.second.record() if row.second else None,
            "times_as_fast": row.speedup,
        }
        for row in rows
    ]


def _found(one: Submitted | None) -> list[Any]:
    if one is None:
        return [None] * len(_FOUND)
    tests = "; ".join(map(" ".join, one.compliance))
    return [one.value, one.accuracy, one.valid, tests, "; ".join(one.rehearsal)]


def _pairs(
    first: Sequence[Submitted],
    second: Sequence[Submitted],
    key: Callable[[Submitted], Hashable],
) -> Iterator[tuple[Submitted, Submitted]]:
    seen = Counter(map(key, first))
    counts = Counter(map(key, second))
    for one in first:
        if seen[key(one)] == counts[key(one)] == 1:
            yield one, next(other for other in second if key(other) == key(one))


def _place(result: Result) -> tuple[int, str]:
    """LoadGen's order of scenarios; folders of other names come last."""
    names = list(map(str, Scenario))
    known = result.scenario in names
    return names.index(result.scenario) if known else len(names), result.scenario


def _submitted(result: Result) -> Submitted:
    benchmark = result.benchmark
    ran = result.performance.scenario
    stated = scores(result, f"{result.path}/accuracy/accuracy.txt")[0]
    latency = result.scenario in (Scenario.SINGLE_STREAM, Scenario.MULTI_STREAM)
    return Submitted(
        division=result.division,
        # Names come from a file system that takes any bytes.
        submitter=show(benchmark.system.submitter.name),
        system=show(benchmark.system.name),
        benchmark=show(benchmark.folder),
        model=show(benchmark.name),
        scenario=show(result.scenario),
        value=judged_figure(result, ran),
        unit="ms" if latency else "samples/s",
        inferred=ran if ran is not None and ran != result.scenario else "",
        accuracy=stated[-1] if stated else None,
        metric=benchmark.rules.accuracy_metric if benchmark.rules else "",
        accuracy_unit=benchmark.rules.accuracy_unit if benchmark.rules else "%",
        valid=result.performance.log.values.get("result_validity") == "VALID",
        compliance=tuple((name, _judged(test)) for name, test in result.compliance.items()),
        rehearsal=tuple(_rehearsal(result, ran)),
    )


def _rehearsal(result: Result, ran: Scenario | None) -> Iterator[str]:
    """Why a result is none of full length; a mark that was taken away leaves the log."""
    submitter = result.benchmark.system.submitter.path
    stated, _ = result.files.mapping(f"{result.path}/measurements.json")
    if f"{submitter}/{_MARKER}" in result.files.entries or (stated or {}).get("rehearsal"):
        yield "marked as a rehearsal, not a submission"
    if ran is not None:
        log, rules = result.performance.log, result.benchmark.rules
        yield from shortfalls(log.number, ran, rules, result.round)


def _judged(test: LoggedTest) -> str:
    if not test.result.files.is_folder(f"{test.result.path}/{test.role}"):
        return "absent"
    wrong = any(finding.severity == "error" for finding in COMPLIANCE.look(test))
    return "FAILED" if wrong else "passed"


def judged_figure(result: Result, ran: Scenario | None) -> float | None:
    """The figure in milliseconds or samples a second, inferred as the round's checker infers it."""
    log = result.performance.log
    if ran is None:
        return None
    if ran == result.scenario:
        value = log.number(METRICS[ran])
        return value if value is None or not ran.inline else value / 1e6
    if (ran, result.scenario) == (Scenario.SINGLE_STREAM, Scenario.MULTI_STREAM):
        latency = log.number("early_stopping_latency_ms")
        return latency and latency * _SAMPLES / 1e6
    if (ran, result.scenario) == (Scenario.SINGLE_STREAM, Scenario.OFFLINE):
        return log.number("result_qps_without_loadgen_overhead")
    if (ran, result.scenario) == (Scenario.MULTI_STREAM, Scenario.OFFLINE):
        mean = log.number("result_mean_query_latency_ns")
        return _SAMPLES * 1e9 / mean if mean else None
    return None
