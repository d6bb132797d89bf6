"""What each level of tracing costs."""

from loadscope.quantities import duration
from loadscope.suite.report.figures.bars import Bar, draw_bars
from loadscope.suite.report.figures.layout import Drawing
from loadscope.suite.report.trace.figures.axes import time_axis
from loadscope.suite.trace.view import Overhead


def draw_overhead(overhead: Overhead) -> Drawing:
    """Draw the median predict time at each level."""
    unit, scale = time_axis(overhead.predict_ns.values())
    base = overhead.predict_ns.get("none")
    bars = [
        Bar(
            label="without tracing" if level == "none" else f"level {level}",
            value=time / scale,
            text=f"{duration(time)}",
            hover=f"{level}: {duration(time)}"
            + (
                f", {overhead.ratio[level]:.3f} of none" if base and level in overhead.ratio else ""
            ),
            colour=5 if level == "none" else 0,
        )
        for level, time in overhead.predict_ns.items()
    ]
    return Drawing(
        title="What tracing costs",
        note="Median time of a predict without tracing and at each level, measured in turn "
        f"({overhead.repeats} rounds); each level includes the ones before.",
        figure=draw_bars(bars, f"Time of a predict, {unit}"),
    )
