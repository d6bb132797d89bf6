"""Horizontal bars, each with its label above it, so that a label has the whole width."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from loadscope.suite.report.figures.layout import axis_title, empty_figure

_ROW_PIXELS = 44
_FRAME_PIXELS = 76
_LABEL_SHIFT = 18
_ROOM_FOR_TEXT = 96
"""Pixels right of the longest bar."""
_LARGE = 1000


@dataclass(frozen=True)
class Bar:
    """One bar: its label above, its value, the text beside it, the hover text and the colour.

    One that is ``hatched`` counts for nothing.
    """

    label: str
    value: float
    text: str
    hover: str
    colour: int
    hatched: bool = False


def draw_bars(bars: Sequence[Bar], unit: str) -> go.Figure:
    """Draw ``bars`` from top to bottom on one axis from zero, called ``unit``."""
    values = [float(f"{bar.value:.6g}") for bar in bars]
    most = max(values, default=0.0) or 1.0
    figure = empty_figure(
        height=_FRAME_PIXELS + _ROW_PIXELS * len(bars),
        x={
            "title": axis_title(unit),
            "range": [0, most],
            # Prefixes for large numbers; a small one would become thousandths of its unit.
            "tickformat": "~s" if most >= _LARGE else "",
            "nticks": 4,
        },
        y={
            "range": [len(bars) - 0.6, -0.8],
            "showticklabels": False,
            "ticks": "",
            "showgrid": False,
        },
    )
    figure.update_layout(margin={"l": 16, "r": _ROOM_FOR_TEXT})
    figure.add_bar(
        orientation="h",
        x=values,
        y=list(range(len(bars))),
        text=[bar.text for bar in bars],
        textposition="outside",
        cliponaxis=False,
        customdata=[bar.hover for bar in bars],
        hovertemplate="%{customdata}<extra></extra>",
        width=0.4,
        showlegend=False,
        meta={"colour": [bar.colour for bar in bars]},
    )
    if any(bar.hatched for bar in bars):
        shapes = ["/" if bar.hatched else "" for bar in bars]
        figure.update_traces(
            marker={"pattern": {"shape": shapes, "fillmode": "replace", "size": 6}}
        )
    for row, bar in enumerate(bars):
        figure.add_annotation(
            text=bar.label,
            x=0,
            xref="paper",
            xanchor="left",
            y=row,
            yshift=_LABEL_SHIFT,
            showarrow=False,
        )
    return figure
