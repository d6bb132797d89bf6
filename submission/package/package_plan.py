"""What a submission will hold, what it lacks, and how long that takes to measure."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from loadscope.errors import InputError
from loadscope.submission.package.evidence import unborne
from loadscope.submission.package.names import is_name
from loadscope.submission.package.runs import (
    Candidate,
    RunProblem,
    mixed,
    problems,
    tests_of,
    verified,
)
from loadscope.submission.rounds import BenchmarkRules, Round

_OTHERWISE = "use the round's model and data, or submit with --division open"
_OFFLINE_MARGIN = 1.1
"""LoadGen draws up Offline's one query for so much longer than the minimum duration."""


@dataclass(frozen=True)
class PlannedResult:
    """One result of the tree: a benchmark's folder and a scenario.

    Attributes:
        benchmark: The folder.
        official: The round's benchmark that it stands for.
        scenario: The scenario.
        run: Where it comes from; its own scenario is another where the result is inferred.
    """

    benchmark: str
    official: str
    scenario: str
    run: Candidate

    @property
    def inferred_from(self) -> str | None:
        """The measured scenario that the result is inferred from, or None."""
        return None if self.run.scenario == self.scenario else self.run.scenario


@dataclass(frozen=True)
class Missing:
    """A test that is still to be run.

    Attributes:
        benchmark: The folder.
        scenario: The scenario.
        tests: The LoadGen tests that are missing.
        hours: How long they take at the measured speed, None where no speed is known.
        required: Whether the submission needs it; otherwise it would replace an inferred result.
        command: The command that runs them.
    """

    benchmark: str
    scenario: str
    tests: tuple[str, ...]
    hours: float | None
    required: bool
    command: str

    def __str__(self) -> str:
        """What is missing and how long it takes."""
        hours = "" if self.hours is None else f" ({self.hours:.1f} h at the measured speed)"
        return f"{self.benchmark} {self.scenario}: no {', '.join(self.tests)} test{hours}"


@dataclass(frozen=True)
class Plan:
    """The whole of a submission.

    Attributes:
        division: ``closed`` or ``open``.
        category: The system type.
        entries: The results, in the order of the tree.
        missing: What is still to be run.
        problems: What speaks against the runs that are there.
        left_out: The benchmark's stricter folders that are not filled, and why.
    """

    division: str
    category: str
    entries: tuple[PlannedResult, ...]
    missing: tuple[Missing, ...]
    problems: tuple[RunProblem, ...]
    left_out: tuple[str, ...] = ()


def make_plan(runs: list[Candidate], division: str, category: str, rules: Round) -> Plan:
    """Lay out a submission of these runs."""
    found = [problem for run in runs for problem in problems(run, division, rules)]
    found += mixed(runs)
    for run in runs:
        found += unborne(run, verified(run, tests_of(run, division, rules)))
    entries: list[PlannedResult] = []
    missing: list[Missing] = []
    left_out: list[str] = []
    for model in sorted({run.model for run in runs}):
        # Of several of a scenario one that was measured goes before a traced or a broken one.
        mine = sorted(runs, key=lambda run: "performance" in run.finished)
        own = {run.scenario: run for run in mine if run.model == model}
        benchmark = rules.benchmarks.get(next(iter(own.values())).benchmark_model(rules))
        if benchmark is None:
            continue
        if division == "open":
            official = next(iter(benchmark.accuracy_targets))
            found += _misnamed(model, own, official, rules)
            entries += [PlannedResult(model, official, run.scenario, run) for run in own.values()]
            missing += _incomplete(model, own, ("performance", "accuracy"), benchmark, rules)
            continue
        folders, missed = _reached(own, benchmark, rules)
        if folders:
            left_out += missed
        else:
            folders = [min(benchmark.accuracy_targets, key=benchmark.accuracy_targets.__getitem__)]
            found += [RunProblem(message, _OTHERWISE, rehearsable=True) for message in missed]
        needed = benchmark.categories.get(category)
        if needed is None:
            found.append(
                RunProblem(
                    f"{folders[0]} is no benchmark of the category '{category}'",
                    f"its categories are: {', '.join(benchmark.categories)}; correct system_type",
                )
            )
            continue
        optional = benchmark.optional_categories.get(category, ())
        found += [
            RunProblem(
                f"{run.path}: {scenario} is no scenario of {folders[0]} in the category {category}",
                f"leave it out; the scenarios are: {', '.join((*needed, *optional))}",
            )
            for scenario, run in own.items()
            if scenario not in (*needed, *optional)
        ]
        found += _too_few_queries(own, needed, category)
        chosen, lacking = _scenarios(folders[0], own, needed, category, benchmark, rules)
        missing += lacking
        chosen |= {name: run for name, run in own.items() if name in optional}
        entries += [
            PlannedResult(folder, folder, scenario, run)
            for folder in folders
            for scenario, run in chosen.items()
        ]
    found += _collisions(entries)
    entries.sort(key=lambda entry: (entry.benchmark, entry.scenario))
    return Plan(division, category, tuple(entries), tuple(missing), tuple(found), tuple(left_out))


def _misnamed(
    model: str, own: dict[str, Candidate], official: str, rules: Round
) -> Iterator[RunProblem]:
    """Why a model's id cannot be its folder in the open division."""
    path = next(iter(own.values())).path
    taken = model if model in rules.folders() else rules.submission.aliases.get(model)
    if not is_name(model):
        yield RunProblem(
            f"{path}: the model's id {model!a} cannot be a folder of a submission",
            "give it another id in its manifest (letters, digits, and . _ + -), and repeat the run",
        )
    elif taken is not None and rules.benchmark(taken) is not rules.benchmark(official):
        yield RunProblem(
            f"{path}: the model's id '{model}' is the round's name of another benchmark",
            f"give it another id in its manifest, and repeat the run; it stands for {official}",
        )


def _collisions(entries: list[PlannedResult]) -> Iterator[RunProblem]:
    """Models that would share a folder, also where capitals and small letters are the same."""
    first: dict[str, Candidate] = {}
    told: set[tuple[str, str]] = set()
    for entry in entries:
        other = first.setdefault(entry.benchmark.lower(), entry.run)
        pair = (other.model, entry.run.model)
        if entry.run.model != other.model and pair not in told:
            told.add(pair)
            yield RunProblem(
                f"{other.path} and {entry.run.path}: '{other.model}' and '{entry.run.model}' are "
                f"two models of the folder {entry.benchmark}",
                "name the runs of one of them with --runs",
            )


def _reached(
    own: dict[str, Candidate], benchmark: BenchmarkRules, rules: Round
) -> tuple[list[str], list[str]]:
    """The benchmark's folders whose limits every run keeps, and what keeps it from the others.

    What keeps it from all of them is told of the lowest one alone.
    """
    folders: list[str] = []
    missed: list[str] = []
    for folder in sorted(benchmark.accuracy_targets, key=benchmark.accuracy_targets.__getitem__):
        against = [why for run in own.values() for why in _short_of(run, folder, benchmark, rules)]
        if not against:
            folders.append(folder)
        elif folders or not missed:
            missed += against
    return folders, missed


def _short_of(
    run: Candidate, folder: str, benchmark: BenchmarkRules, rules: Round
) -> Iterator[str]:
    """What a run lacks for a folder: its accuracy target, and the limit that TEST01 is held to."""
    target = benchmark.accuracy_targets[folder]
    if "accuracy" in run.finished and (run.accuracy is None or run.accuracy < target):
        unit = f" {benchmark.accuracy_unit}".rstrip()
        score = "not meaningful" if run.accuracy is None else f"{run.accuracy:.3f}{unit}"
        yield f"{run.path}: {benchmark.accuracy_metric} is {score}, {folder} needs {target}{unit}"
    details = run.result.accuracy.details if run.result and run.result.accuracy else {}
    for name, bounds in benchmark.further_accuracy.items() if run.accuracy is not None else ():
        value = details.get(name)
        if not isinstance(value, (int, float)) or not bounds.holds(value):
            yield f"{run.path}: {name} is {value}, {folder} needs {bounds}"
    limit, change = rules.accuracy_change_percent(folder), run.accuracy_change()
    if "TEST01" in run.finished and change > limit:
        yield (
            f"{run.path}: TEST01's answers differ and {benchmark.accuracy_metric} moves by "
            f"{change:.3g} %, {folder} allows {limit:g} %"
        )


def _scenarios(
    folder: str,
    own: dict[str, Candidate],
    needed: tuple[str, ...],
    category: str,
    benchmark: BenchmarkRules,
    rules: Round,
) -> tuple[dict[str, Candidate], list[Missing]]:
    """The run behind each scenario, inferred where the rules allow it, and what is missing."""
    tests = ("performance", "accuracy", *benchmark.compliance)
    chosen: dict[str, Candidate] = {}
    missing = _incomplete(folder, own, tests, benchmark, rules)
    for scenario in needed:
        if scenario in own:
            chosen[scenario] = own[scenario]
            continue
        source = _source(scenario, own) if category == "edge" else None
        if source is not None:
            chosen[scenario] = source
        hours = _hours(scenario, tests, _speed(own), benchmark, rules)
        command = _command(next(iter(own.values())), scenario, benchmark)
        missing.append(Missing(folder, scenario, tests, hours, source is None, command))
    return chosen, missing


def _too_few_queries(
    own: dict[str, Candidate], needed: tuple[str, ...], category: str
) -> list[RunProblem]:
    """What keeps MultiStream, where it is to be inferred, from having an estimate."""
    run = own.get("SingleStream")
    if run is None or "MultiStream" not in needed or "MultiStream" in own or category != "edge":
        return []
    if "performance" not in run.finished or run.infers_multi_stream():
        return []
    return [
        RunProblem(
            f"{run.path}: too few queries to infer MultiStream, its 99th percentile has no "
            "early-stopping estimate",
            "run more queries (--min-query-count 662), or measure MultiStream",
            rehearsable=True,
        )
    ]


def _source(scenario: str, own: dict[str, Candidate]) -> Candidate | None:
    """The run that an edge result may be inferred from; MultiStream gives Offline the more."""
    if scenario == "MultiStream":
        return own.get("SingleStream")
    if scenario == "Offline":
        return own.get("MultiStream") or own.get("SingleStream")
    return None


def _incomplete(
    folder: str,
    own: dict[str, Candidate],
    tests: tuple[str, ...],
    benchmark: BenchmarkRules,
    rules: Round,
) -> list[Missing]:
    missing = []
    for scenario, run in own.items():
        left = tuple(test for test in tests if test not in run.present)
        if left:
            speed = run.samples_per_second or _speed(own)
            hours = _hours(scenario, left, speed, benchmark, rules)
            modes = dict.fromkeys(
                "compliance" if test in benchmark.compliance else test for test in left
            )
            command = " ".join(
                [f"loadscope run --resume {run.path}", *(f"--mode {mode}" for mode in modes)]
            )
            missing.append(Missing(folder, scenario, left, hours, True, command))
    return missing


def _command(like: Candidate, scenario: str, benchmark: BenchmarkRules) -> str:
    spec = like.record.spec
    modes = ("performance", "accuracy", *(("compliance",) if benchmark.compliance else ()))
    options = [
        *(("models", str(path)) for path in spec.models),
        ("model", like.model),
        ("framework", spec.framework),
        ("scenario", scenario),
        ("dataset-path", spec.dataset_path or ""),
        *(("mode", mode) for mode in modes),
    ]
    return " ".join(["loadscope run", *(f"--{key} {shlex.quote(value)}" for key, value in options)])


def _speed(own: dict[str, Candidate]) -> float | None:
    speeds = [run.samples_per_second for run in own.values() if run.samples_per_second]
    return min(speeds, default=None)


def _hours(
    scenario: str,
    tests: tuple[str, ...],
    samples_per_second: float | None,
    benchmark: BenchmarkRules,
    rules: Round,
) -> float | None:
    """Hours at a speed: accuracy covers the data set, other tests last their minimum."""
    if not samples_per_second:
        return None
    per_query = rules.scenarios[scenario].samples_per_query or 1
    least = rules.scenarios[scenario].min_query_count * per_query
    margin = 1.0
    if scenario == "Offline":
        least, margin = benchmark.offline_min_query_count, _OFFLINE_MARGIN
    timed = max(margin * rules.min_duration_ms / 1000, least / samples_per_second)
    whole = benchmark.dataset_size / samples_per_second
    return sum(whole if test == "accuracy" else timed for test in tests) / 3600


def refuse(plan: Plan, rehearsal: bool) -> None:
    """Check that a plan can be built.

    Raises:
        InputError: Something speaks against it, or is missing; the message has the first and
            the number of all.
    """
    against = [problem for problem in plan.problems if not (rehearsal and problem.rehearsable)]
    against += [
        RunProblem(str(missing), missing.command) for missing in plan.missing if missing.required
    ]
    if not plan.entries and not against:
        against = [RunProblem("none of the runs can stand in a submission", "see --plan")]
    if against:
        more = f" (and {len(against) - 1} more; see --plan)" if len(against) > 1 else ""
        raise InputError(f"{against[0].message}{more}", against[0].fix)
