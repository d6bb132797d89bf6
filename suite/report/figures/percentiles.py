"""Latency percentiles of one scenario over the number of nines."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from loadscope.suite.report.figures.layout import Drawing, axis_title, empty_figure, latency_axis
from loadscope.suite.report.figures.series import Series
from loadscope.suite.report.latencies import Latencies
from loadscope.suite.report.quantities import percentage

_MARGIN = 1.15
"""Room left and right of the curves, as a factor on the logarithmic axis."""


def draw_percentiles(series: Sequence[tuple[Series, Latencies]]) -> Drawing:
    """Draw latency over percentile; position x is 1 / (1 - fraction), logarithmic.

    The curve is a step: it holds its value up to the next drawn rank, as LoadGen's percentiles
    do. LoadGen's own percentiles are points.
    """
    points = [fraction for style, _ in series for fraction in style.run.percentiles_ns]
    furthest = max(
        [float(one.queries) for _, one in series] + [1 / (1 - fraction) for fraction in points]
    )
    heights = [float(one.values_ns[end]) for _, one in series for end in (0, -1)]
    heights += [value for style, _ in series for value in style.run.percentiles_ns.values()]
    nines = [2] + [10**power for power in range(1, math.floor(math.log10(furthest)) + 1)]
    figure = empty_figure(
        height=400,
        x={
            "title": axis_title("Percentile of queries"),
            "type": "log",
            "range": [-math.log10(_MARGIN) / 2, math.log10(furthest * _MARGIN)],
            "autotickangles": [0, 90],
            "tickvals": nines,
            "ticktext": [percentage(1 - 1 / position, position) for position in nines],
        },
        y=latency_axis(min(heights), max(heights)),
    )
    for style, latencies in series:
        x, y, hover = _curve(latencies, max(style.run.percentiles_ns, default=0.0))
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"shape": "hv", "dash": style.dash, "width": 1.8},
            name=style.legend,
            showlegend=True,
            customdata=hover,
            hovertemplate="%{fullData.name}<br>%{customdata}: %{y:.4~s}s<extra></extra>",
            meta={"colour": style.colour},
        )
    for style, _ in series:
        _add_points(figure, style)
    if points:
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            marker={"symbol": "circle-open", "size": 9, "line": {"width": 1.8}},
            name="LoadGen's own percentiles",
            showlegend=True,
            meta={"colour": -1},
        )
    return Drawing(
        title="Latency percentiles",
        note="From 0 % on the left, each further step of the scale is one more nine. Curves: "
        "every query as the harness sees it, from LoadGen's call until the answer is handed over. "
        "Points: LoadGen's own percentiles, which in Server count from the scheduled time.",
        figure=figure,
    )


def _curve(latencies: Latencies, furthest: float) -> tuple[list[float], list[float], list[str]]:
    """Return positions, seconds and percentiles in words of one curve.

    The largest latency is drawn on to the fraction ``furthest``, where that lies beyond the
    last query: it is what LoadGen reports there.
    """
    count = latencies.queries
    positions = [count / (count - int(rank)) for rank in latencies.ranks]
    words = [
        percentage(int(rank) / count, round(10 * position))
        for rank, position in zip(latencies.ranks, positions, strict=True)
    ]
    seconds = [int(value) / 1e9 for value in latencies.values_ns]
    if 1 / (1 - furthest) > count:
        positions.append(1 / (1 - furthest))
        words.append("slowest")
        seconds.append(seconds[-1])
    return [float(f"{position:.6g}") for position in positions], seconds, words


def _add_points(figure: go.Figure, style: Series) -> None:
    fractions = style.run.percentiles_ns
    if not fractions:
        return
    figure.add_scatter(
        x=[round(1 / (1 - fraction), 6) for fraction in fractions],
        y=[value / 1e9 for value in fractions.values()],
        mode="markers",
        marker={"symbol": "circle-open", "size": 9, "line": {"width": 1.8}},
        name=style.legend,
        showlegend=False,
        customdata=[f"{100 * fraction:g} %" for fraction in fractions],
        hovertemplate="%{fullData.name}<br>LoadGen %{customdata}: %{y:.4~s}s<extra></extra>",
        meta={"colour": style.colour},
    )
