"""Measure the layouts of a model in fresh processes, and choose."""

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal

from loadscope.memory import available_memory
from loadscope.names import Scenario
from loadscope.rundir.layout_record import ExecutionRecord, LayoutCandidate, LayoutRecord
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.halving import TIME_UP, Measured, Seen, search, split
from loadscope.scenarios.layouts import SIMPLER_WITHIN, described, fitting, group, simplest
from loadscope.scenarios.queueing import batching_rate
from loadscope.scratch import scratch
from loadscope.submission.rounds import load_round
from loadscope.suite.run.layout_probes import Probes
from loadscope.suite.run.noise import NoiseWatch
from loadscope.suite.run.process_plan import LayoutSearch, ProcessPlan
from loadscope.sut.backend import Artifact
from loadscope.sut.registry import backend_info

_LOAD_SHARE = 0.75
"""Share of the time that loading may take where several processes load, the first answer of each
included."""

_NOTHING = 1e-6

Look = Callable[[float], None]
"""Told the seconds that are left, a few times a second; what it raises ends the search."""

_Unit = Literal["samples/s", "queries/s", "ms"]


def search_layout(
    plan: ProcessPlan, asked: LayoutSearch, found: list[Execution], look: Look
) -> tuple[Execution, LayoutRecord, float | None]:
    """Measure the candidates.

    Args:
        plan: The run's plan.
        asked: Its search.
        found: The candidates, the rule's first.
        look: See ``Look``.

    Returns:
        The layout, how it was found, and what ``ProcessPlan.known`` is.
    """
    begun, noise = time.monotonic(), NoiseWatch()
    until = begun + asked.seconds
    fit = fitting(found, asked.limits.sample_bytes, available_memory()) or found[:1]
    rules = load_round()
    percentile = rules.scenarios[Scenario.SERVER].percentile or 99
    batch_ms: dict[tuple[int, ...], dict[int, float]] = {}

    def measure(one: Execution, seconds: float, until: float) -> Measured | str:
        answer = probes.measure(one, seconds, until)
        if isinstance(answer, str):
            return answer
        figure, batch = answer["figure"], answer["batch_seconds"]
        if plan.scenario is Scenario.SERVER and asked.bound_ms:
            times = batch_ms.setdefault((*group(one), one.workers), {})
            times[one.batch_size] = batch * 1e3
            in_time = batching_rate(times, one.workers, one.batch_size, asked.bound_ms, percentile)
            # Where nothing comes in time, what the workers can do tells layouts apart.
            figure = in_time or figure * _NOTHING
        goodness = 1 / figure if plan.scenario.inline else figure
        return Measured(goodness, batch, answer["least_seconds"])

    with scratch("layout") as folder:
        groups = {group(one): one for one in reversed(fit)}
        first = sorted(groups.values(), key=lambda one: (group(one) != group(fit[0]), group(one)))
        size = _model_bytes(plan.framework, plan.artifact)
        probes = Probes(
            plan, folder, first, size, lambda: look(until - time.monotonic()), noise.adopt
        )
        try:
            probes.load(begun + _LOAD_SHARE * asked.seconds, until)
            seen, last = search(fit, measure, until)
        finally:
            probes.close()
    unit = _unit(plan.scenario)
    failures = probes.failures()
    if last:
        chosen, why = _choice(seen, last, fit[0], unit)
    elif failures:
        chosen, why = fit[0], f"as by rule, nothing could be measured: {failures[0]}"
    else:
        chosen, why = fit[0], f"as by rule, nothing was measured within {asked.seconds:g} s"
    ranked = sorted(seen, key=lambda one: (one != chosen, -(seen[one].goodness or 0.0)))
    record = LayoutRecord(
        # What was not measured may be the next time, and is not kept.
        origin="searched" if last else "rule",
        why=why,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun, 2),
        unit=unit,
        warnings=noise.finish().warnings,
        candidates=tuple(_candidate(one, seen[one], unit) for one in ranked),
    )
    return chosen, record, _known(plan.scenario, chosen, seen[chosen]) if last else None


def _choice(
    seen: dict[Execution, Seen], last: list[Execution], rule: Execution, unit: _Unit
) -> tuple[Execution, str]:
    """The simplest of the best, and why.

    Where there was no time for more than small batches of the rule's own workers, nothing is known
    against its larger one.
    """
    goodness = {one: seen[one].goodness or 0.0 for one in last}
    chosen, best = simplest(goodness), max(goodness, key=lambda one: goodness[one])
    if seen[rule].note == TIME_UP and split(chosen) == split(rule):
        alike = [one for one in seen if split(one) == split(rule)]
        largest = max(one.batch_size for one in alike if seen[one].rounds)
        if chosen.batch_size == largest < rule.batch_size:
            return rule, (
                f"as by rule, there was no time for batches of more than {largest}: "
                f"{_text(seen[chosen], unit)}"
            )
    measured = sum(one.goodness is not None for one in seen.values())
    if chosen == best:
        return chosen, f"best of {measured} measured: {_text(seen[chosen], unit)}"
    return chosen, (
        f"within {100 * SIMPLER_WITHIN:.0f} % of the best of {measured} measured and simpler: "
        f"{_text(seen[chosen], unit)}, {described(best)} {_text(seen[best], unit)}"
    )


def _unit(scenario: Scenario) -> _Unit:
    if scenario.inline:
        return "ms"
    return "queries/s" if scenario is Scenario.SERVER else "samples/s"


def _known(scenario: Scenario, one: Execution, seen: Seen) -> float | None:
    """What calibration measures, of the layout as it was last seen."""
    if not seen.goodness:
        return None
    if scenario is Scenario.SERVER:
        # Its figure is what comes in time; this is what the workers can do.
        return one.workers * one.batch_size / seen.batch_seconds
    return 1 / seen.goodness if scenario.inline else seen.goodness


def _candidate(one: Execution, seen: Seen, unit: str) -> LayoutCandidate:
    return LayoutCandidate(
        execution=ExecutionRecord.model_validate(asdict(one)),
        figure=None if seen.goodness is None else _digits(_figure(seen.goodness, unit)),
        batch_ms=_digits(seen.batch_seconds * 1e3) if seen.batch_seconds else None,
        rounds=seen.rounds,
        note=seen.note,
    )


def _text(seen: Seen, unit: str) -> str:
    return f"{_figure(seen.goodness or 0.0, unit):.4g} {unit}"


def _figure(goodness: float, unit: str) -> float:
    return 1 / goodness if unit == "ms" and goodness else goodness


def _model_bytes(framework: str, artifact: Artifact) -> int:
    try:
        files = backend_info(framework).model_files(artifact.format, artifact.path)
        return sum(file.stat().st_size for file in files)
    except OSError:
        # A backend that answers nothing has no file.
        return 0


def _digits(value: float) -> float:
    return float(f"{value:.5g}")
