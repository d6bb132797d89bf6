"""Several performance tests of one run: which of them stands for it, and how far they differ."""

from collections.abc import Sequence

from loadscope.names import Scenario
from loadscope.rundir.record import ModeState, RepeatOutcome
from loadscope.rundir.result import RepeatSummary


def median_run(repeats: Sequence[RepeatOutcome], scenario: Scenario) -> int:
    """The number of the median test, counted from 1; of an even number the worse middle one.

    Args:
        repeats: The tests; one without a figure is the worst.
        scenario: Whether a small value is good (latencies) or a large one.
    """
    sign = -1 if scenario.inline else 1
    from_worst = sorted(
        repeats,
        key=lambda one: float("-inf") if one.value is None else sign * one.value,
    )
    return from_worst[(len(from_worst) - 1) // 2].run


def summary(state: ModeState) -> RepeatSummary | None:
    """What a performance test's repeats say together; None where it ran once."""
    if not state.repeats or state.median_run is None:
        return None
    median = next(one.value for one in state.repeats if one.run == state.median_run)
    values = tuple(one.value for one in state.repeats)
    known = [value for value in values if value is not None]
    spread = 100 * (max(known) - min(known)) / median if median else None
    return RepeatSummary(
        count=len(state.repeats),
        median_run=state.median_run,
        values=values,
        valid=sum(bool(one.valid) for one in state.repeats),
        median=median,
        spread_percent=None if spread is None else round(spread, 2),
    )
