"""Axes of a trace's figures: a logarithmic one of any quantity, and their units."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from loadscope.quantities import BINARY, DECIMAL, TIME_UNITS, scaled, time_unit
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


def time_axis(times_ns: Iterable[float]) -> tuple[str, float]:
    """The unit for an axis of these times, and the nanoseconds in it."""
    unit = time_unit(max(times_ns, default=0.0))
    return unit, TIME_UNITS[unit]


def bytes_axis(sizes: Iterable[int]) -> tuple[str, float]:
    """The unit for an axis of these sizes, and the bytes in it."""
    _, prefix = scaled(max(sizes, default=0), BINARY, 1024)
    return f"{prefix}B", float(1024 ** BINARY.index(prefix))


def tick_text(value: float) -> str:
    """Format a tick without needless digits: ``500 M``."""
    shown, prefix = scaled(value, DECIMAL, 1000)
    return f"{shown:.6g} {prefix}".rstrip()
