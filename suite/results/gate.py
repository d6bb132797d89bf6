"""Runs held against a baseline: what has become slower or less accurate.

A configuration is slower if its median is worse than the baseline's by more than is allowed, and by
more than the baseline's own noise: three robust standard deviations.
"""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from loadscope.errors import InputError
from loadscope.files import write_json
from loadscope.names import Mode
from loadscope.suite.report.wording import accuracy_text, verdict
from loadscope.suite.results import digests
from loadscope.suite.results.row import RATES
from loadscope.suite.results.series import TO_SIGMA, spread
from loadscope.suite.run.view import RunView

SIGMAS = 3.0
Status = Literal["passed", "slower", "less accurate", "failed", "no baseline", "not compared"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BaselineEntry(_Part):
    """What one configuration on one system came to.

    Attributes:
        config, system: Digests.
        name: For people: model, framework, scenario.
        values: The scenario's figure of each run or repeat.
        accuracy: The score, if there is one; ``accuracy_better`` says which are the better ones.
    """

    config: str
    system: str
    name: str
    metric: str
    unit: str
    values: tuple[Annotated[FiniteFloat, Field(gt=0)], ...]
    accuracy: FiniteFloat | None = None
    accuracy_metric: str = ""
    accuracy_better: Literal["higher", "lower"] = "higher"


class Baseline(_Part):
    """A baseline as a file has it."""

    format: Literal[1] = 1
    entries: tuple[BaselineEntry, ...]


class Held(_Part):
    """A configuration held against its baseline.

    Attributes:
        slowdown_percent: How much worse its median is; below 0 it is better.
        allowed_percent: How much it may be: what was allowed, or the baseline's noise.
        reason: Why it has not passed, or what one must know, in words.
    """

    name: str
    status: Status
    reason: str = ""
    unit: str = ""
    baseline: float | None = None
    value: float | None = None
    n_baseline: int = 0
    n: int = 0
    slowdown_percent: float | None = None
    allowed_percent: float | None = None


def baseline_of(runs: Iterable[RunView]) -> Baseline:
    """The baseline that runs make: those that are valid and quiet."""
    found: dict[tuple[str, str], list[RunView]] = {}
    for run in runs:
        if verdict(run).kind in ("valid", "absent") and not run.warnings:
            found.setdefault(_key(run), []).append(run)
    entries = (_entry(key, group) for key, group in found.items())
    return Baseline(entries=tuple(entry for entry in entries if entry is not None))


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline as a file, to be kept with a project."""
    write_json(path, baseline.model_dump(mode="json"))


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        InputError: The file is none.
    """
    try:
        return Baseline.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check its rights") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{path}: not a baseline: {where}: {first['msg']}",
            "write one: loadscope results check RUNS --save FILE",
        ) from error


def hold(
    runs: Sequence[RunView],
    baseline: Baseline,
    *,
    max_slowdown: float,
    max_accuracy_loss: float,
    any_system: bool = False,
) -> list[Held]:
    """Hold each configuration of some runs against a baseline.

    Args:
        runs: The runs.
        baseline: What they are held against.
        max_slowdown: Percent of the median.
        max_accuracy_loss: Percent of the score.
        any_system: Whether a baseline of another system will do.
    """
    known: dict[tuple[str, str], BaselineEntry] = {}
    for entry in baseline.entries:
        known[entry.config, "" if any_system else entry.system] = entry
    groups: dict[tuple[str, str], list[RunView]] = {}
    for run in runs:
        groups.setdefault(_key(run), []).append(run)
    held = []
    for (config, system), group in groups.items():
        matching = known.get((config, "" if any_system else system))
        elsewhere = any(one.config == config for one in baseline.entries)
        held.append(_hold(group, matching, max_slowdown, max_accuracy_loss, elsewhere))
    return held


def _hold(
    runs: Sequence[RunView],
    entry: BaselineEntry | None,
    max_slowdown: float,
    max_loss: float,
    elsewhere: bool,
) -> Held:
    name = _name(runs[0])
    broken = [run for run in runs if verdict(run).kind not in ("valid", "absent")]
    if broken:
        return Held(name=name, status="failed", reason=verdict(broken[0]).text, n=len(runs))
    if entry is None:
        other = "its baseline is of another system: --any-system"
        reason = other if elsewhere else "not in the baseline"
        return Held(name=name, status="no baseline", reason=reason, n=len(runs))
    lost = _lost(runs, entry, max_loss)
    values = [value for run in runs for value in _values(run)]
    if not values or not entry.values:
        missing = "no speed in the baseline" if values else "no speed in the runs"
        scored = any(_comparable(run, entry) for run in runs)
        status: Status = "less accurate" if lost else "passed" if scored else "not compared"
        return Held(name=name, status=status, reason=lost or missing, n=len(runs))
    before, mad = spread(list(entry.values))
    now = statistics.median(values)
    worse = before / now if entry.metric in RATES else now / before
    slowdown = 100 * (worse - 1)
    allowed = max(max_slowdown, 100 * SIGMAS * TO_SIGMA * mad / before)
    slower = f"{slowdown:.1f} % slower, {allowed:.1f} % allowed" if slowdown > allowed else ""
    told = (
        f"{slowdown:.1f} % slower, within the baseline's own noise"
        if (max_slowdown < slowdown <= allowed)
        else ""
    )
    few = "" if len(entry.values) > 1 else "one value tells nothing of the baseline's noise"
    noisy = "noisy" if any(run.warnings for run in runs) else ""
    return Held(
        name=name,
        status="slower" if slower else "less accurate" if lost else "passed",
        reason="; ".join(filter(None, (slower, told, lost, few, noisy))),
        unit=entry.unit,
        baseline=before,
        value=now,
        n_baseline=len(entry.values),
        n=len(values),
        slowdown_percent=slowdown,
        allowed_percent=allowed,
    )


def _comparable(run: RunView, entry: BaselineEntry) -> bool:
    """Whether a run has a score of the kind that the baseline has."""
    score = run.accuracy
    if score is None or score.value is None or not run.accuracy_meaningful:
        return False
    return entry.accuracy is not None and score.metric == entry.accuracy_metric


def _lost(runs: Sequence[RunView], entry: BaselineEntry, most: float) -> str:
    """What was lost of the accuracy, in words; empty where nothing was."""
    for run in runs:
        if Mode.ACCURACY in run.altered:
            return accuracy_text(run)[0]
        score = run.accuracy
        if score is None or not run.accuracy_meaningful or score.value is None:
            continue
        if score.passed is False:
            return f"{score.value:g} {score.unit} {score.metric} misses the target {score.target:g}"
        if entry.accuracy is None or not _comparable(run, entry):
            continue
        sign = 1 if entry.accuracy_better == "higher" else -1
        if sign * (entry.accuracy - score.value) > abs(entry.accuracy) * most / 100:
            return f"{score.metric} went from {entry.accuracy:g} to {score.value:g} {score.unit}"
    return ""


def _entry(key: tuple[str, str], runs: Sequence[RunView]) -> BaselineEntry | None:
    values = tuple(value for run in runs for value in _values(run))
    scores = [run.accuracy for run in runs if run.accuracy and run.accuracy_meaningful
              and run.accuracy.value is not None and Mode.ACCURACY not in run.altered]  # fmt: skip
    metric = next((run.metric for run in runs if run.metric), None)
    if not values and not scores:
        return None
    score = scores[-1] if scores else None
    return BaselineEntry(
        config=key[0],
        system=key[1],
        name=_name(runs[0]),
        metric=metric.name if metric else "",
        unit=metric.unit if metric else "",
        values=values,
        accuracy=score.value if score else None,
        accuracy_metric=score.metric if score else "",
        accuracy_better=score.better if score else "higher",
    )


def _values(run: RunView) -> list[float]:
    if run.repeat is not None:
        return [value for value in run.repeat.values if value]
    return [run.metric.value] if run.metric and run.metric.value else []


def _key(run: RunView) -> tuple[str, str]:
    record = run.record.model_copy(update={"rehearsal": run.rehearsal})
    return digests.config(record).value, digests.system(record).value


def _name(run: RunView) -> str:
    marks = " (rehearsal)" if run.rehearsal else ""
    return f"{run.model.id} {run.system} {run.scenario}{marks}"


def regressions(held: Iterable[Held]) -> list[Held]:
    """Those for which the gate stays shut."""
    return [one for one in held if one.status in ("slower", "less accurate", "failed")]
