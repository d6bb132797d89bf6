"""The figures of a trace; plotly is imported with this package only."""

from loadscope.suite.report.trace.figures.axes import log_axis, time_axis
from loadscope.suite.report.trace.figures.layers import (
    draw_cumulative,
    draw_memory,
    draw_order,
    draw_top,
    draw_types,
)
from loadscope.suite.report.trace.figures.overhead import draw_overhead
from loadscope.suite.report.trace.figures.roofline import draw_roofline
from loadscope.suite.report.trace.figures.types import Palette, plain
from loadscope.suite.report.trace.figures.waterfall import draw_waterfall

__all__ = [
    "Palette",
    "draw_cumulative",
    "draw_memory",
    "draw_order",
    "draw_overhead",
    "draw_roofline",
    "draw_top",
    "draw_types",
    "draw_waterfall",
    "log_axis",
    "plain",
    "time_axis",
]
