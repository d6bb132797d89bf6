"""What a run's logs say, held against what its records say of them.

Figures come from the logs. A record that says otherwise, or a log that is not the one its test
left, is an alteration: the test is then shown as altered, whatever its figures are. Nothing here
is proof against a forger, who can write all files alike.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from loadscope.errors import WorkError
from loadscope.names import Mode
from loadscope.rundir.assemble import assemble
from loadscope.rundir.detail_log import DetailLog, read_detail_log
from loadscope.rundir.directory import RESULT_FILE, RunDirectory
from loadscope.rundir.figures import figures, invalid_reasons
from loadscope.rundir.log_digests import changed_logs
from loadscope.rundir.record import RepeatOutcome, RunRecord
from loadscope.rundir.repeat import median_run
from loadscope.rundir.result import AccuracyRecord, ResultRecord
from loadscope.submission.rounds import early_stopping_queries, load_round
from loadscope.suite.run.shortfall import changes, shortfalls

_SCORED = ("metric", "value", "target", "passed", "samples")
_DETAIL = "mlperf_log_detail.txt"
_SAME = 1e-9
_PRINTED = 1e-3
"""``accuracy.txt`` has the score with three decimals, in percent."""


@dataclass(frozen=True)
class Evidence:
    """The results of a run, and what speaks against them.

    Attributes:
        result: What ``result.json`` has to hold, assembled from the logs.
        altered: By test, what is not as the run left it.
        rehearsal: Why the run is shorter than full length, by any of its files.
    """

    result: ResultRecord
    altered: Mapping[Mode, tuple[str, ...]]
    rehearsal: tuple[str, ...]


def examine(directory: RunDirectory, run: RunRecord) -> Evidence:
    """Take the results of a run from its logs, and compare its records with them.

    Args:
        directory: The run directory.
        run: Its ``run.json``.

    Raises:
        InputError: ``result.json`` or ``score.json`` is no such file, or a figure is none.
    """
    told = directory.result()
    finished = list(run.finished())
    altered = {mode: list(_logs(directory, run, mode)) for mode in finished}
    unreadable = [mode for mode, found in altered.items() if found]
    result = assemble(directory, early_stopping_queries, unreadable, run)
    for mode in finished:
        if mode not in unreadable:
            altered[mode] += _records(directory, run, mode, result, told)
    if finished:
        first = Mode.PERFORMANCE if Mode.PERFORMANCE in finished else finished[0]
        altered[first] += _common(run, result, told)
    return Evidence(
        result=result,
        altered={mode: tuple(found) for mode, found in altered.items() if found},
        rehearsal=_rehearsal(directory, run, told, readable=_logged(finished, unreadable)),
    )


def _logged(finished: list[Mode], unreadable: list[Mode]) -> bool:
    return Mode.PERFORMANCE in finished and Mode.PERFORMANCE not in unreadable


def _logs(directory: RunDirectory, run: RunRecord, mode: Mode) -> Iterator[str]:
    """What is wrong with the logs of a test, so that nothing can be taken from them."""
    state = run.state[mode]
    if mode is not Mode.PERFORMANCE or not state.repeats:
        folder = directory.logs(mode, 1)
        yield from _changed(folder, directory.path, state.sha256)
        if mode is Mode.PERFORMANCE:
            yield from _unreadable(folder / _DETAIL, run, mode)
        return
    for one in state.repeats:
        folder = directory.logs(mode, one.run)
        yield from _changed(folder, directory.path, one.sha256)
        yield from _unreadable(folder / _DETAIL, run, mode)
    numbers = [one.run for one in state.repeats]
    if numbers != list(range(1, len(numbers) + 1)) or state.median_run not in numbers:
        yield f"run.json: of runs {numbers} number {state.median_run} is called the median"


def _changed(folder: Path, root: Path, recorded: Mapping[str, str]) -> Iterator[str]:
    for found in changed_logs(folder, recorded):
        yield f"{folder.relative_to(root)}/{found}"


def _unreadable(path: Path, run: RunRecord, mode: Mode) -> Iterator[str]:
    try:
        log = read_detail_log(path)
    except WorkError as error:
        yield error.message
        return
    for key, asked in (
        ("effective_scenario", str(run.scenario)),
        ("effective_test_mode", mode.loadgen),
    ):
        if log.values.get(key) != asked:
            yield f"{path.name} is of {key} {log.values.get(key)}, the run's is {asked}"
    if "result_validity" not in log.values:
        yield f"{path.name} has no result: it is cut off"


def _records(
    directory: RunDirectory,
    run: RunRecord,
    mode: Mode,
    result: ResultRecord,
    told: ResultRecord | None,
) -> Iterator[str]:
    """Where records of one test differ from its logs."""
    if mode is Mode.PERFORMANCE:
        yield from _repeats(directory, run)
        if told is not None and told.valid is not None:
            yield from _differences(_performance(told), _performance(result))
    elif mode is Mode.ACCURACY and result.accuracy is not None:
        score = result.accuracy
        yield from _printed(directory.logs(mode) / "accuracy.txt", score, run)
        if told is not None and told.accuracy is not None:
            yield from _differences(_score(told.accuracy), _score(score))
        if score.meaningful is False and run.model.accuracy_meaningful:
            yield "run.json calls the accuracy meaningful, score.json does not"
    elif mode.audit and told is not None and mode in told.compliance:
        before, verified = told.compliance[mode].passed, run.state[mode].verification
        now = verified.passed if verified else None
        if before != now:
            yield f"{RESULT_FILE} says passed {before}, run.json {now}"


def _repeats(directory: RunDirectory, run: RunRecord) -> Iterator[str]:
    state, scenario = run.state[Mode.PERFORMANCE], run.scenario
    found = []
    for one in state.repeats:
        log = _log(directory, one.run)
        value = figures(log, scenario).metric.value
        valid = not invalid_reasons(log, early_stopping_queries(run.round, scenario))
        found.append(RepeatOutcome(run=one.run, value=value))
        if not _same(one.value, value) or one.valid != valid:
            yield f"run.json: run {one.run} has {one.value}, its log {value}"
    if found and median_run(found, scenario) != state.median_run:
        yield f"run.json: run {state.median_run} is not the median"


def _log(directory: RunDirectory, number: int) -> DetailLog:
    return read_detail_log(directory.logs(Mode.PERFORMANCE, number) / _DETAIL)


def _common(run: RunRecord, result: ResultRecord, told: ResultRecord | None) -> Iterator[str]:
    """Facts that stand in both records."""
    if told is None:
        return
    pairs: dict[str, tuple[object, object]] = {
        "model": (told.model, run.model.id),
        "framework": (told.framework, run.spec.framework),
        "rehearsal": (told.rehearsal, run.rehearsal),
        "numerics": (told.numerics, run.model.numerics),
        "device": (told.device, run.model.device),
    }
    if told.valid is not None and result.valid is not None:
        pairs["warnings"] = (told.warnings, result.warnings)
        pairs["notes"] = (told.notes, result.notes)
    for key, (there, here) in pairs.items():
        if there is not None and there != here:
            yield f"{key} differs in {RESULT_FILE} and run.json"


def _performance(result: ResultRecord) -> dict[str, object]:
    metric, latency = result.metric, result.latency_ns
    return {
        "valid": result.valid,
        "metric": metric and metric.value,
        "metric unit": metric and metric.unit,
        "samples_per_second": result.samples_per_second,
        **{f"latency {name}": value for name, value in (latency or {})},
        **{f"percentile {name}": value for name, value in (result.percentiles_ns or {}).items()},
    }


def _score(accuracy: AccuracyRecord) -> dict[str, object]:
    return {f"accuracy {name}": value for name, value in accuracy if name in _SCORED}


def _differences(told: Mapping[str, object], found: Mapping[str, object]) -> Iterator[str]:
    for name, value in told.items():
        if value is not None and name in found and not _same(value, found[name]):
            yield f"{RESULT_FILE} says {name} {value}, the logs {found[name]}"


def _printed(path: Path, score: AccuracyRecord, run: RunRecord) -> Iterator[str]:
    """Whether ``accuracy.txt``, which the score stands in as well, says the same."""
    pattern = load_round(run.round).submission.accuracy_lines.get(score.metric)
    if score.value is None or pattern is None or not path.exists():
        return
    match = re.search(pattern, path.read_text(encoding="utf-8", errors="replace"))
    if match is None or abs(float(match[1]) - score.value) > _PRINTED:
        yield f"score.json says {score.value}, accuracy.txt {match[1] if match else 'nothing'}"


def _rehearsal(
    directory: RunDirectory, run: RunRecord, told: ResultRecord | None, *, readable: bool
) -> tuple[str, ...]:
    reasons = run.rehearsal or (told.rehearsal if told is not None else ())
    if reasons or not readable:
        return reasons
    rules = load_round(run.round)
    names = run.model.mlperf
    benchmark = rules.benchmarks.get(names.loadgen) if names else None
    if names is not None and benchmark is None:
        return (f"'{names.loadgen}' is no benchmark of {rules.round}",)
    log = _log(directory, run.of(Mode.PERFORMANCE).median_run or 1)
    asked = (log.number, run.scenario, benchmark, rules)
    return (*shortfalls(*asked), *changes(*asked))


def _same(one: object, other: object) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=_SAME)
    return one == other
