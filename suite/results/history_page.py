"""Series over time as one HTML page in the report's style: levels, noise, changes, marks."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from loadscope.quantities import number
from loadscope.suite.report.figures.layout import GREY, Drawing, axis_title, empty_figure
from loadscope.suite.report.render import render
from loadscope.suite.report.sections import PlacedFigure
from loadscope.suite.results.history import History, Point, words
from loadscope.suite.results.series import spread

_DATES = 6
"""Dates along the axis of time: more would not be read."""
_BLUE, _ORANGE, _VIOLET, _ROSE, _INK = 0, 1, 3, 5, -1
"""Places in the page's colours."""


@dataclass(frozen=True)
class _Level:
    """What lies between two changes: places of the first and last point, and their spread."""

    first: int
    last: int
    median: float
    mad: float


def history_page(found: Sequence[History]) -> str:
    """Render the page: HTML with style, script and plotly's JavaScript inside.

    Args:
        found: The series, in the order in which they are shown.
    """
    placed = [
        PlacedFigure(f"series-{place}", series_drawing(one)) for place, one in enumerate(found)
    ]
    return render(
        "history.html",
        placed,
        shown=list(zip(found, placed, strict=True)),
        words=words,
        number=lambda value: number(value) if value is not None else "\N{EN DASH}",
    )


def series_drawing(one: History) -> Drawing:
    """A series: each run a point in the order of time, evenly apart.

    Args:
        one: It, with at least one point.
    """
    values = [point.value for point in one.points]
    low, high = min(values), max(values)
    # A series that varies by less than 4 % does not fill the height: it would look wild.
    room = max(0.08 * (high - low), 0.02 * abs(high))
    # Below is room for the marks.
    low, high = low - 2 * room, high + room
    places = sorted({round(n * (len(values) - 1) / (_DATES - 1)) for n in range(_DATES)})
    figure = empty_figure(
        height=360,
        x={
            "tickvals": places,
            "ticktext": [one.points[place].created[:10] for place in places],
            "range": [-0.5, len(values) - 0.5],
        },
        y={
            "title": axis_title(f"{one.unit} (unverified)"),
            "range": [low, high],
        },
    )
    for number_, level in enumerate(_levels(one)):
        _draw_level(figure, level, first=not number_)
    for name, colour, chosen in (
        ("level changed", _ORANGE, [shift.at for shift in one.shifts]),
        ("baseline", _INK, [n for n, point in enumerate(one.points) if point.baseline]),
    ):
        _draw_lines(figure, name, colour, chosen, (low, high))
    for shift in one.shifts:
        figure.add_annotation(
            x=shift.at - 0.5, y=high, text=f"{shift.percent:+.1f} %", showarrow=False,
            xanchor="left", yanchor="top", xshift=4,
        )  # fmt: skip
    outliers = set(one.outliers)
    kinds = [_kind(n in outliers, point) for n, point in enumerate(one.points)]
    for kind, colour, marker in (
        ("run", _BLUE, {"symbol": "circle", "size": 8}),
        ("noisy run, left out", _BLUE, {"symbol": "circle-open", "size": 8}),
        ("outlier", _ROSE, {"symbol": "x", "size": 9}),
    ):
        _draw_points(figure, one, kind, colour, marker, kinds)
    _draw_marks(figure, one, low + 0.05 * (high - low))
    figure.update_layout(margin={"r": 44})
    return Drawing(
        title=one.name,
        note=f"The {one.better} the better. The band is the median of each level "
        "\N{PLUS-MINUS SIGN} its median absolute deviation; runs are evenly apart, whatever time "
        "lay between.",
        figure=figure,
    )


def _kind(outlier: bool, point: Point) -> str:
    if not point.counts:
        return "noisy run, left out"
    return "outlier" if outlier else "run"


def _levels(one: History) -> Iterator[_Level]:
    edges = [0, *(shift.at for shift in one.shifts), len(one.points)]
    for first, end in itertools.pairwise(edges):
        values = [point.value for point in one.points[first:end] if point.counts]
        if values:
            yield _Level(first, end - 1, *spread(values))


def _draw_level(figure: go.Figure, level: _Level, first: bool) -> None:
    left, right = level.first - 0.5, level.last + 0.5
    low, high = level.median - level.mad, level.median + level.mad
    shared: dict[str, Any] = {"mode": "lines", "hoverinfo": "skip", "showlegend": first}
    figure.add_scatter(
        x=[left, right, right, left], y=[low, low, high, high], fill="toself", opacity=0.35,
        line={"width": 0}, name="median \N{PLUS-MINUS SIGN} MAD", meta={"colour": GREY}, **shared,
    )  # fmt: skip
    figure.add_scatter(
        x=[left, right], y=[level.median] * 2, line={"width": 1.5}, name="median",
        meta={"colour": _INK}, **shared,
    )  # fmt: skip


def _draw_lines(
    figure: go.Figure, name: str, colour: int, places: Sequence[int], ends: tuple[float, float]
) -> None:
    if places:
        figure.add_scatter(
            x=[x for place in places for x in (place - 0.5, place - 0.5, None)],
            y=[*ends, None] * len(places), mode="lines", line={"width": 1.5, "dash": "dash"},
            name=name, hoverinfo="skip", meta={"colour": colour},
        )  # fmt: skip


def _draw_points(
    figure: go.Figure,
    one: History,
    kind: str,
    colour: int,
    marker: dict[str, Any],
    kinds: Sequence[str],
) -> None:
    chosen = [place for place, own in enumerate(kinds) if own == kind]
    if chosen:
        figure.add_scatter(
            x=chosen, y=[one.points[place].value for place in chosen], mode="markers", name=kind,
            marker=marker, meta={"colour": colour}, hoverinfo="text",
            text=[_hover(one, place) for place in chosen],
        )  # fmt: skip


def _hover(one: History, place: int) -> str:
    point = one.points[place]
    lines = [point.created[:19].replace("T", " "), f"{number(point.value)} {one.unit}"]
    told = [line.replace("<", "&lt;") for line in words(one, place)]
    return "<br>".join([*lines, *told, point.uid[:8]])


def _draw_marks(figure: go.Figure, one: History, height: float) -> None:
    """Builds, environments and notes: along the bottom, so that they hide no point."""
    for name, symbol, colour, chosen in (
        ("other build or environment", "triangle-up", _VIOLET,
         [n for n, point in enumerate(one.points) if point.changed]),
        ("note", "square", _ORANGE, [n for n, point in enumerate(one.points) if point.notes]),
    ):  # fmt: skip
        if chosen:
            figure.add_scatter(
                x=chosen, y=[height] * len(chosen), mode="markers", name=name,
                marker={"symbol": symbol, "size": 10}, meta={"colour": colour}, hoverinfo="text",
                text=[_hover(one, place) for place in chosen],
            )  # fmt: skip
