"""What all figures share: axes, legend, margins. Colours come from the page's style sheet."""

import math
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from loadscope.suite.report.figures.ticks import tick_label, time_ticks

GREY = -2
"""The ``meta.colour`` of what must not be read as data."""


@dataclass(frozen=True)
class Drawing:
    """A figure of the page.

    Attributes:
        title: Its heading.
        note: What it shows and how to read it, one or two sentences.
        figure: The plot; each trace's ``meta.colour`` is a position in the page's colours
            (a list: one a bar), -1 for the colour of text, or ``GREY``.
    """

    title: str
    note: str
    figure: go.Figure


def axis_title(text: str) -> dict[str, Any]:
    """Return an axis title, close to the labels of its axis."""
    return {"text": text, "standoff": 10}


def empty_figure(height: int, x: dict[str, Any], y: dict[str, Any]) -> go.Figure:
    """Return a figure of ``height`` pixels with the axes ``x`` and ``y`` and no trace."""
    shared = {"automargin": True, "showline": True, "ticks": "outside", "zeroline": False}
    return go.Figure(
        layout={
            "template": "none",
            "height": height,
            "margin": {"l": 56, "r": 16, "t": 16, "b": 48},
            "hovermode": "closest",
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.02,
                "yanchor": "bottom",
            },
            "xaxis": shared | x,
            "yaxis": shared | y,
        }
    )


def latency_axis(low_ns: float, high_ns: float) -> dict[str, Any]:
    """Return a logarithmic axis in seconds that spans ``low_ns`` to ``high_ns`` and a little more.

    The labels have their own units, since plotly labels a part of a logarithmic axis without.
    """
    margin = (high_ns / low_ns) ** 0.03 * 1.005
    low, high = low_ns / margin, high_ns * margin
    ticks = time_ticks(low, high)
    return {
        "title": axis_title("Latency per query (unverified)"),
        "type": "log",
        "range": [math.log10(low / 1e9), math.log10(high / 1e9)],
        "tickvals": [tick / 1e9 for tick in ticks],
        "ticktext": [tick_label(tick) for tick in ticks],
    }
