"""Two sets of runs: how much one is faster, how sure that is, and what else differs."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loadscope.errors import InputError
from loadscope.names import Mode, Scenario
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.metrics.registry import metrics
from loadscope.suite.report.wording import verdict
from loadscope.suite.results.differences import Difference, differences, refusal
from loadscope.suite.results.row import RATES
from loadscope.suite.results.statistics import Estimate, compare_draws, compare_values
from loadscope.suite.results.within import draws_within
from loadscope.suite.run.view import RunView


@dataclass(frozen=True)
class Compared:
    """One figure of both sets.

    Attributes:
        name, unit: Of the figure.
        a, b: Medians.
        estimate: B over A.
    """

    name: str
    unit: str
    a: float
    b: float
    estimate: Estimate


@dataclass(frozen=True)
class SetComparison:
    """Two sets of runs side by side.

    Attributes:
        a, b: The runs that count.
        figures: The scenario's figure first, then the other metrics.
        differences: What differs besides the chosen axis.
        overridden: Why this comparison would have been refused.
        notes: What else one must know, a sentence each.
    """

    a: tuple[RunView, ...]
    b: tuple[RunView, ...]
    figures: tuple[Compared, ...]
    differences: tuple[Difference, ...]
    overridden: tuple[str, ...]
    notes: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "a": [str(run.path) for run in self.a],
            "b": [str(run.path) for run in self.b],
            "comparisons": [
                {"name": one.name, "unit": one.unit, "a": one.a, "b": one.b, **vars(one.estimate)}
                for one in self.figures
            ],
            "differences": [vars(one) for one in self.differences],
            "overridden": list(self.overridden),
            "notes": list(self.notes),
        }


def compare_sets(
    a: Sequence[RunView], b: Sequence[RunView], *, anyway: bool = False, paired: bool = False
) -> SetComparison:
    """Compare two sets of runs.

    A set of one run with repeats is compared by them; one of several runs by a figure a run.

    Args:
        a: Runs.
        b: Others.
        anyway: Whether to compare what would be refused, and say so.
        paired: Whether the n-th of both were measured beside each other.

    Raises:
        InputError: A side has no figure, or what differs makes the comparison meaningless.
    """
    found = differences(a, b)
    refused = [one for one in found if one.refused]
    if refused and not anyway:
        raise refusal(refused)
    counted = [tuple(run for run in side if _counts(run, anyway)) for side in (a, b)]
    if not all(counted) or (paired and [len(a), len(b)] != list(map(len, counted))):
        side, runs = ("A", a) if len(counted[0]) < len(a) else ("B", b)
        reason = next((verdict(run).text for run in runs if not _counts(run, anyway)), "no run")
        raise InputError(f"{side} has no valid result to compare ({reason})", "measure it again")
    one, other = counted
    figures = [_main(one, other, paired)]
    figures += [each for metric in metrics() if (each := _metric(metric, one, other, paired))]
    return SetComparison(
        a=one,
        b=other,
        figures=tuple(figures),
        differences=found,
        overridden=tuple(dict.fromkeys(one.refused for one in refused)),
        notes=tuple(_notes(a, b, counted)),
    )


def _counts(run: RunView, anyway: bool) -> bool:
    """Whether a run's figure counts; one that is invalid only where that was asked for."""
    kinds = ("valid", "invalid") if anyway else ("valid",)
    measured = run.metric is not None and run.metric.value is not None
    return measured and verdict(run).kind in kinds


def _notes(
    a: Sequence[RunView], b: Sequence[RunView], counted: Sequence[Sequence[RunView]]
) -> list[str]:
    notes = []
    for name, side, left in (("A", a, counted[0]), ("B", b, counted[1])):
        if len(left) < len(side):
            notes.append(f"{len(side) - len(left)} of {len(side)} runs of {name} do not count.")
        invalid = sum(verdict(run).kind == "invalid" for run in left)
        if invalid:
            notes.append(f"{invalid} of {name} INVALID.")
        noisy = sum(bool(run.warnings) for run in left)
        if noisy:
            several = f"{noisy} of {len(left)} runs of {name} are noisy."
            notes.append(several if len(left) > 1 else f"{name} is noisy.")
        if any(run.rehearsal for run in left):
            notes.append(f"{name} is a rehearsal.")
    if all(len(side) == 1 and side[0].repeat is None for side in counted):
        notes.append("One run of each: how much they vary from run to run is not seen.")
    return notes


def _main(a: Sequence[RunView], b: Sequence[RunView], paired: bool) -> Compared:
    metric = a[0].metric
    assert metric is not None
    if _at_one_rate(a, b):
        # At one rate all answer as fast as they are asked; what differs is how soon.
        return _figure(
            ("latency_p99", "ms", "lower"), list(map(_p99, a)), list(map(_p99, b)), paired, (a, b)
        )
    better = "higher" if metric.name in RATES else "lower"
    told = (metric.name, metric.unit, better)
    return _figure(told, _values(a), _values(b), paired, (a, b))


def _at_one_rate(a: Sequence[RunView], b: Sequence[RunView]) -> bool:
    runs = [*a, *b]
    rates = {run.spec.target_qps for run in runs}
    latencies = all(run.percentiles_ns.get(0.99) for run in runs)
    return (
        runs[0].scenario is Scenario.SERVER
        and len(rates) == 1
        and None not in rates
        and (latencies and all(run.record.rate_search is None for run in runs))
    )


def _p99(run: RunView) -> float:
    return run.percentiles_ns[0.99] / 1e6


def _values(side: Sequence[RunView]) -> list[float]:
    """A figure a run; of one run with repeats one a repeat."""
    if len(side) == 1 and side[0].repeat is not None:
        return [value for value in side[0].repeat.values if value]
    return [run.metric.value for run in side if run.metric and run.metric.value]


def _metric(
    metric: Metric, a: Sequence[RunView], b: Sequence[RunView], paired: bool
) -> Compared | None:
    if metric.better is None:
        return None
    values = [
        [value for run in side if (value := metric.from_record(run, Mode.PERFORMANCE))]
        for side in (a, b)
    ]
    if not all(values) or (paired and len(values[0]) != len(values[1])):
        return None
    return _figure((metric.name, metric.unit, metric.better), values[0], values[1], paired)


def _figure(
    told: tuple[str, str, str],
    a: list[float],
    b: list[float],
    paired: bool,
    runs: tuple[Sequence[RunView], Sequence[RunView]] | None = None,
) -> Compared:
    name, unit, better = told
    estimate = None
    if runs is not None and len(a) == len(b) == 1:
        drawn = [draws_within(side[0], seed) for seed, side in enumerate(runs)]
        if drawn[0] is not None and drawn[1] is not None:
            estimate = compare_draws(
                drawn[0][0],
                drawn[1][0],
                math.log(b[0] / a[0]),
                better,
                f"within one run of each: {drawn[0][1]}",
            )
    estimate = estimate or compare_values(a, b, better, paired)
    return Compared(name, unit, statistics.median(a), statistics.median(b), estimate)
