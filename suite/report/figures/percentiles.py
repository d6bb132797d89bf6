"""Latency percentiles of one scenario over the number of nines."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from loadscope.quantities import percentage
from loadscope.rundir.figures import CONFIDENCE
from loadscope.suite.report.figures.layout import (
    GREY,
    Drawing,
    axis_title,
    empty_figure,
    latency_axis,
)
from loadscope.suite.report.figures.series import Series
from loadscope.suite.report.latencies import Latencies
from loadscope.suite.run.view import ESTIMATED

_TOO_FEW = "<br>too few queries"
_ESTIMATE_SYMBOL = "diamond"
_MARGIN = 1.15
"""Room left and right of the curves, as a factor on the logarithmic axis."""


def draw_percentiles(series: Sequence[tuple[Series, Latencies]]) -> Drawing:
    """Draw latency over percentile; position x is 1 / (1 - fraction), logarithmic.

    The curve is a step: it holds its value up to the next drawn rank, as LoadGen's percentiles
    do. It is grey and dotted, and LoadGen's own percentiles grey, where too few queries stand
    behind a percentile. The early-stopping estimate, which is the result, has a mark of its own.
    """
    points = [fraction for style, _ in series for fraction in style.run.percentiles_ns]
    furthest = max(
        [float(one.queries) for _, one in series] + [1 / (1 - fraction) for fraction in points]
    )
    heights = [float(one.values_ns[end]) for _, one in series for end in (0, -1)]
    heights += [value for style, _ in series for value in style.run.percentiles_ns.values()]
    heights += [style.run.estimate_ns for style, _ in series if style.run.estimate_ns]
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
        curve = _curve(latencies, max(style.run.percentiles_ns, default=0.0))
        enough = _enough(latencies.queries)
        _add_curve(figure, style, [point for point in curve if point[0] <= enough], few=False)
        beyond = [point for point in curve if point[0] > enough]
        # It begins where the other ends.
        start = max(0, len(curve) - len(beyond) - 1)
        if beyond:
            _add_curve(figure, style, curve[start:], few=True)
    for style, _ in series:
        _add_points(figure, style)
    marks = [("circle-open", "LoadGen's percentiles")] if points else []
    if any(style.run.estimate_ns for style, _ in series):
        marks.append((_ESTIMATE_SYMBOL, "early-stopping estimate: the result"))
    for symbol, name in marks:
        _add_key(figure, name, mode="markers", marker=_marker(symbol), meta={"colour": -1})
    if any(trace.meta["colour"] == GREY for trace in figure.data):
        line = {"dash": "dot", "width": 1.8}
        _add_key(figure, "too few queries", mode="lines", line=line, meta={"colour": GREY})
    return Drawing(
        title="Latency percentiles",
        note="From 0 % on the left, each further step of the scale is one more nine. Curves: "
        "every query as the harness sees it, from LoadGen's call until the answer is handed over. "
        "Circles: LoadGen's own percentiles, which in Server count from the scheduled time. "
        "Diamonds: LoadGen's early-stopping estimate, the result of SingleStream and MultiStream; "
        "it is no percentile of these queries but what they prove with 99 % confidence. Grey: "
        "too few queries for the percentile, whose true value can lie above all of them.",
        figure=figure,
    )


def _enough(queries: int) -> float:
    """The position up to which ``queries`` are enough for a percentile: see least_queries."""
    fraction = math.pow(1 - CONFIDENCE, 1 / queries)
    return 1 / (1 - fraction)


def _curve(latencies: Latencies, furthest: float) -> list[tuple[float, float, str]]:
    """Return position, seconds and percentile in words of each point of one curve.

    The largest latency is drawn on to the fraction ``furthest``, where that lies beyond the
    last query: it is what LoadGen reports there.
    """
    count = latencies.queries
    points = []
    for rank, value in zip(latencies.ranks, latencies.values_ns, strict=True):
        position = count / (count - int(rank))
        words = percentage(int(rank) / count, round(10 * position))
        points.append((float(f"{position:.6g}"), int(value) / 1e9, words))
    if 1 / (1 - furthest) > count:
        points.append((float(f"{1 / (1 - furthest):.6g}"), points[-1][1], "slowest"))
    return points


def _add_curve(
    figure: go.Figure, style: Series, points: Sequence[tuple[float, float, str]], *, few: bool
) -> None:
    figure.add_scatter(
        x=[x for x, _, _ in points],
        y=[y for _, y, _ in points],
        mode="lines",
        line={"shape": "hv", "dash": "dot" if few else style.dash, "width": 1.8},
        name=style.legend,
        showlegend=not few,
        customdata=[words for _, _, words in points],
        hovertemplate="%{fullData.name}<br>%{customdata}: %{y:.4~s}s"
        f"{_TOO_FEW if few else ''}<extra></extra>",
        meta={"colour": GREY if few else style.colour},
    )


def _add_points(figure: go.Figure, style: Series) -> None:
    run = style.run
    estimate = {ESTIMATED[run.scenario]: run.estimate_ns} if run.estimate_ns else {}
    few = {name: value for name, value in run.percentiles_ns.items() if name in run.few_queries}
    enough = {name: value for name, value in run.percentiles_ns.items() if name not in few}
    for values, symbol, colour, what, more in (
        (enough, "circle-open", style.colour, "LoadGen %{customdata}", ""),
        (few, "circle-open", GREY, "LoadGen %{customdata}", _TOO_FEW),
        (estimate, _ESTIMATE_SYMBOL, style.colour, "early-stopping estimate of %{customdata}", ""),
    ):
        if values:
            figure.add_scatter(
                x=[round(1 / (1 - fraction), 6) for fraction in values],
                y=[value / 1e9 for value in values.values()],
                mode="markers",
                marker=_marker(symbol),
                name=style.legend,
                showlegend=False,
                customdata=[f"{100 * fraction:g} %" for fraction in values],
                hovertemplate=f"%{{fullData.name}}<br>{what}: %{{y:.4~s}}s{more}<extra></extra>",
                meta={"colour": colour},
            )


def _add_key(figure: go.Figure, name: str, **drawn: Any) -> None:
    """A line of the legend without a point of its own."""
    figure.add_scatter(x=[None], y=[None], name=name, showlegend=True, **drawn)


def _marker(symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, "size": 9, "line": {"width": 1.8}}
