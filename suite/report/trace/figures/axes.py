"""A logarithmic axis of any quantity."""

import math
from collections.abc import Callable
from typing import Any

from loadscope.suite.report.figures.layout import axis_title
from loadscope.suite.report.figures.ticks import time_ticks


def log_axis(title: str, low: float, high: float, text: Callable[[float], str]) -> dict[str, Any]:
    """Return an axis from ``low`` to ``high`` with round ticks, labelled by ``text``."""
    ticks = time_ticks(low, high)
    return {
        "title": axis_title(title),
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks,
        "ticktext": [text(tick) for tick in ticks],
    }
