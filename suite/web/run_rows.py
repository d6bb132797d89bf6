"""Rows of runs as tables of pages show them."""

from collections.abc import Iterable
from typing import Any

from loadscope.quantities import quantity
from loadscope.quantities import score as score_text
from loadscope.suite.report.export import Row
from loadscope.suite.report.wording import NONE

COLUMNS = (
    "uid", "run", "model", "framework", "numerics", "scenario", "metric", "value", "unit",
    "accuracy", "accuracy_metric", "accuracy_unit", "status", "marks", "machine", "created",
)  # fmt: skip


def shown_rows(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows of ``COLUMNS`` with their figures as text.

    A figure that is rehearsed, noisy or not valid is ``doubtful``, and has to look it.
    """
    return [
        {
            **row,
            "result": _result(row),
            "score": _score(row),
            "when": str(row["created"])[:16].replace("T", " "),
            "doubtful": row["status"] != "valid" or row["marks"] != "unverified",
        }
        for row in rows
    ]


def _result(row: Row) -> str:
    value, unit = row["value"], row["unit"]
    if not isinstance(value, (int, float)) or not unit:
        return NONE
    percentile = str(row["metric"] or "").removeprefix("latency_")
    named = f" {percentile}" if percentile != row["metric"] else ""
    return f"{quantity(float(value), str(unit))}{named}"


def _score(row: Row) -> str:
    value = row["accuracy"]
    if not isinstance(value, (int, float)):
        return NONE
    return f"{score_text(float(value), str(row['accuracy_unit']))} {row['accuracy_metric']}"
