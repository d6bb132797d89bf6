"""The figures of the page, one a module; plotly is imported with this package only."""

from loadscope.suite.report.figures.completion import draw_completion
from loadscope.suite.report.figures.histogram import draw_histogram
from loadscope.suite.report.figures.layout import Drawing
from loadscope.suite.report.figures.percentiles import draw_percentiles
from loadscope.suite.report.figures.series import Series, assign_series
from loadscope.suite.report.figures.throughput import draw_throughput

__all__ = [
    "Drawing",
    "Series",
    "assign_series",
    "draw_completion",
    "draw_histogram",
    "draw_percentiles",
    "draw_throughput",
]
