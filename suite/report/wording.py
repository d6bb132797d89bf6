"""The words for a result: the same on the terminal and on the page."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from loadscope.names import Mode, Scenario
from loadscope.quantities import quantity
from loadscope.quantities import score as score_text
from loadscope.rundir.figures import ESTIMATE, PERCENTILE, RATE
from loadscope.suite.run.view import RunView
from loadscope.sut.registry import BACKENDS

NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class Standing:
    """Whether a result counts, and if not, why; a test that is not judged is ``finished``."""

    kind: Literal["valid", "invalid", "altered", "failed", "unfinished", "absent", "finished"]
    text: str


def ordered(runs: Iterable[RunView]) -> list[RunView]:
    """Sort by model, scenario in LoadGen's order, framework, and time."""

    def key(run: RunView) -> tuple[str, str, int, str, str, str]:
        place = list(Scenario).index(run.scenario)
        return run.model.title, run.model.id, place, run.system, run.created, run.run_id

    return sorted(runs, key=key)


def created_text(run: RunView) -> str:
    """When the run began, to the minute: ``2026-11-22 10:00 UTC``; as recorded if unreadable."""
    try:
        begun = datetime.fromisoformat(run.created)
    except ValueError:
        return run.created
    return f"{begun:%Y-%m-%d %H:%M} {begun.tzname() or ''}".rstrip()


def verdict(run: RunView) -> Standing:
    """Judge the performance test of ``run`` in one word and its reasons."""
    if Mode.TRACE in run.modes:
        return Standing("absent", "traced run: see loadscope report --trace")
    if Mode.PERFORMANCE not in run.modes:
        return Standing("absent", "no performance test")
    obstacle = _obstacle(run, Mode.PERFORMANCE)
    if obstacle:
        return obstacle
    if run.altered.get(Mode.PERFORMANCE):
        return _altered(run, Mode.PERFORMANCE)
    if run.valid:
        return Standing("valid", "valid")
    return Standing("invalid", "INVALID: " + ("; ".join(run.invalid_reasons) or "no reason given"))


def verdict_of(run: RunView, test: Mode) -> Standing:
    """Judge one LoadGen test of ``run``; of an accuracy test or a trace only whether it ended."""
    if test is Mode.PERFORMANCE:
        return verdict(run)
    ended = Standing("valid", "passed") if test.audit else Standing("finished", "finished")
    return _obstacle(run, test) or (_altered(run, test) if test in run.altered else ended)


def metric_text(run: RunView) -> str:
    """Format the scenario's metric: ``6.502 ms p90 latency``, ``180.3 samples/s``, or a dash.

    Which of two figures a latency is, ``kind_text`` says.
    """
    if run.metric is None or run.metric.value is None:
        return NONE
    text = quantity(run.metric.value, run.metric.unit)
    percentile = re.fullmatch(r"latency_(p\d+)", run.metric.name)
    return f"{text} {percentile[1]} latency" if percentile else text


def kind_text(run: RunView) -> str:
    """Say which figure a latency is: LoadGen's early-stopping estimate, or the percentile.

    The two differ, and only the estimate is MLPerf's. A rate needs no word.
    """
    if run.metric is None or run.metric.value is None or run.metric.kind in (None, RATE):
        return ""
    if run.metric.kind == ESTIMATE:
        return ESTIMATE
    queries = "" if run.queries is None else f" of {run.queries:,}"
    return f"{PERCENTILE}{queries}: too few for an estimate"


def repeat_text(run: RunView) -> str:
    """Say of how many tests the metric is the median; empty where it is of one."""
    if run.repeat is None:
        return ""
    spread = run.repeat.spread_percent
    text = f"median of {run.repeat.count}"
    if run.repeat.valid < run.repeat.count:
        text += f" ({run.repeat.valid} valid)"
    return text if spread is None else f"{text}, spread {spread:.1f} %"


def accuracy_text(run: RunView) -> tuple[str, str]:
    """Format the score, and what it was scored on and held against; or say why there is none.

    A model with seeded weights answers at random and a backend that computes nothing not at all,
    so their scores are never shown. Data without the true answers give no score, and that is said
    even where none was asked for.
    """
    if run.data.unscored:
        return "no score", run.data.unscored
    if Mode.ACCURACY not in run.modes:
        return NONE, ""
    obstacle = _obstacle(run, Mode.ACCURACY)
    if obstacle:
        return obstacle.text, ""
    if not run.accuracy_meaningful:
        backend = BACKENDS.get(run.framework)
        untrained = backend is None or backend.answers
        return "not meaningful", "seeded weights" if untrained else f"{run.framework} backend"
    if run.altered.get(Mode.ACCURACY):
        return _altered(run, Mode.ACCURACY).text, ""
    score = run.accuracy
    if score is None or score.value is None:
        return "not scored", ""
    details = []
    if score.samples is not None:
        details.append(f"{score.samples:,} samples")
    if score.target is not None:
        reached = {True: " reached", False: " MISSED", None: ""}[score.passed]
        details.append(f"target {score_text(score.target, score.unit)}{reached}")
    if score.remark:
        details.append(score.remark)
    return f"{score_text(score.value, score.unit)} {score.metric}", ", ".join(details)


def compliance(run: RunView) -> dict[Mode, Standing]:
    """Judge each compliance test that was asked for: passed, or why not."""
    return {test: verdict_of(run, test) for test in run.states if test.audit}


def _altered(run: RunView, mode: Mode) -> Standing:
    return Standing("altered", "ALTERED since the run: " + "; ".join(run.altered[mode]))


def _obstacle(run: RunView, mode: Mode) -> Standing | None:
    """Say why a test has no result; None when it finished."""
    state = run.states.get(mode)
    if state is None or state.status == "planned":
        return Standing("unfinished", "unfinished: not started")
    if state.status == "finished":
        return None
    because = f": {state.error}" if state.error else ""
    if state.status == "failed":
        return Standing("failed", f"failed{because}")
    if state.status == "interrupted":
        return Standing("unfinished", f"unfinished: interrupted{because}")
    return Standing("unfinished", f"unfinished: still running, or killed{because}")
