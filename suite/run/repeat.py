"""Several performance tests of one run: which of them stands for it, and how far they differ."""

from typing import Any

from loadscope.names import Scenario


def median_run(repeats: list[dict[str, Any]], scenario: Scenario) -> int:
    """The number of the median test, counted from 1; of an even number the worse middle one.

    Args:
        repeats: ``{run, value}`` of each test; a value of None, no figure at all, is the worst.
        scenario: Whether a small value is good (latencies) or a large one.
    """
    sign = -1 if scenario.inline else 1
    from_worst = sorted(
        repeats,
        key=lambda one: float("-inf") if one["value"] is None else sign * one["value"],
    )
    number: int = from_worst[(len(from_worst) - 1) // 2]["run"]
    return number


def summary(state: dict[str, Any]) -> dict[str, Any] | None:
    """Count, values, median and spread of a performance test's repeats; None where it ran once.

    Args:
        state: The test's state in ``run.json``.

    Returns:
        ``{count, median_run, values, valid, median, spread_percent}``: ``valid`` is how many
        LoadGen calls valid, ``spread_percent`` the range over the median.
    """
    repeats = state.get("repeats")
    if not repeats or "median_run" not in state:
        return None
    median = next(one["value"] for one in repeats if one["run"] == state["median_run"])
    values = [one["value"] for one in repeats]
    known = [value for value in values if value is not None]
    spread = 100 * (max(known) - min(known)) / median if median else None
    return {
        "count": len(repeats),
        "median_run": state["median_run"],
        "values": values,
        "valid": sum(one["valid"] for one in repeats),
        "median": median,
        "spread_percent": None if spread is None else round(spread, 2),
    }
