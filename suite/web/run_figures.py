"""Figures of several runs side by side, as the pages' script draws them."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from loadscope.quantities import number
from loadscope.suite.report.figures import (
    Drawing,
    assign_series,
    draw_percentiles,
    draw_throughput,
)
from loadscope.suite.report.figures.layout import axis_title, empty_figure
from loadscope.suite.report.latencies import read_latencies
from loadscope.suite.report.sections import PlacedFigure
from loadscope.suite.results.pareto import front
from loadscope.suite.run.view import RunView

# plotly's JSON has angle brackets as escapes.
_EMPHASIS = re.compile(r"(?:<|\\u003[cC])/?[bi](?:>|\\u003[eE])")


def as_json(figures: Iterable[PlacedFigure]) -> dict[str, Any]:
    """Figures by the identifier of their place.

    Bold and italic are left out: plotly writes them as style attributes, which pages refuse.
    """
    return {
        one.anchor: json.loads(_EMPHASIS.sub("", one.drawing.figure.to_json() or ""))
        for one in figures
    }


def side_by_side(runs: Sequence[RunView]) -> list[PlacedFigure]:
    """Percentile curves over each other, throughput, and accuracy against speed where known."""
    series = assign_series(runs)
    found: list[tuple[str, Drawing | None]] = []
    curves = [(one, read_latencies(one.run.latency_file)) for one in series
              if one.run.latency_file]  # fmt: skip
    if curves:
        found.append(("percentiles", draw_percentiles(curves)))
    found.append(("throughput", draw_throughput(series)))
    found.append(("pareto", draw_pareto(runs)))
    return [PlacedFigure(name, drawing) for name, drawing in found if drawing is not None]


def draw_pareto(runs: Sequence[RunView]) -> Drawing | None:
    """Accuracy against samples a second, with the front of those that no other beats in both.

    None where fewer than two runs have both, or their scores are not of one metric.
    """
    shown = [(run, run.accuracy) for run in runs if run.samples_per_second and run.accuracy
             and run.accuracy.value is not None and run.accuracy_meaningful]  # fmt: skip
    if len(shown) < 2 or len({score.metric for _, score in shown if score}) > 1:
        return None
    score = shown[0][1]
    assert score is not None
    points = [(float(run.samples_per_second or 0), float(one.value or 0))
              for run, one in shown if one]  # fmt: skip
    sign = 1 if score.better == "higher" else -1
    best = front([(speed, sign * value) for speed, value in points])
    figure = empty_figure(
        height=360,
        x={"title": axis_title("Samples/s (unverified)"), "rangemode": "tozero"},
        y={"title": axis_title(f"{score.metric}, {score.unit}".rstrip(", "))},
    )
    figure.add_scatter(
        x=[points[place][0] for place in best], y=[points[place][1] for place in best],
        mode="lines", line={"width": 1.5, "dash": "dash"}, name="Pareto front",
        hoverinfo="skip", showlegend=True, meta={"colour": -1},
    )  # fmt: skip
    for place, (run, _) in enumerate(shown):
        figure.add_scatter(
            x=[points[place][0]], y=[points[place][1]], mode="markers+text",
            marker={"size": 11, "symbol": "circle" if place in best else "circle-open"},
            text=[run.system], textposition="top center", showlegend=False,
            hovertemplate=f"{run.run_id}<br>{number(points[place][0])} samples/s<extra></extra>",
            meta={"colour": place % 6},
        )  # fmt: skip
    return Drawing(
        title="Accuracy against speed",
        note="Filled: no other of these runs is both faster and more accurate.",
        figure=figure,
    )
