"""The search as one HTML page in the report's style: all trials, and what trades for what."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from loadscope.names import Scenario
from loadscope.quantities import number
from loadscope.suite.report.figures.layout import Drawing, axis_title, empty_figure
from loadscope.suite.report.render import render
from loadscope.suite.report.sections import PlacedFigure
from loadscope.suite.tune.searched import Searched
from loadscope.suite.tune.trial import goodness

STATES = {
    "complete": "measured",
    "pruned": "ended early",
    "rejected": "not accurate enough",
    "fail": "failed",
}


def tune_page(title: str, searches: Sequence[Searched]) -> str:
    """Render the page: HTML with style, script and plotly's JavaScript inside.

    Args:
        title: Model and framework.
        searches: One a scenario.
    """
    figures = {str(one.scenario): study_figures(one) for one in searches}
    return render(
        "tune.html",
        [place for places in figures.values() for place in places],
        title=title,
        searches=searches,
        placed=figures,
        states=STATES,
        number=lambda value: number(value) if value is not None else "\N{EN DASH}",
    )


def study_figures(one: Searched) -> list[PlacedFigure]:
    """Settings as parallel coordinates, and what trades for what."""
    drawings = (_parallel(one), _pareto(one))
    return [
        PlacedFigure(f"{one.scenario}-{place}", drawing)
        for place, drawing in enumerate(drawings)
        if drawing
    ]


def _measured(one: Searched) -> list[dict[str, Any]]:
    """The trials with a figure that may be used; one that is not accurate enough may not."""
    return [
        record
        for record in one.records
        if record["value"] is not None and record["state"] != "rejected"
    ]


def _parallel(one: Searched) -> Drawing | None:
    """Parallel coordinates: all trials as lines over the settings and the figure.

    Plotly's own trace of that kind needs WebGL, which many a browser lacks; lines do not.
    """
    records = _measured(one)
    if not records:
        return None
    names = [axis.name.replace("_", " ") for axis in one.axes]
    at = records[0]["percentile"]
    names.append(f"ms at p{at:.0f}" if at else "samples/s")
    figure = empty_figure(
        height=420,
        x={
            "tickvals": list(range(len(names))),
            "ticktext": names,
            # Turned on a narrow page they end at their axis, so that the last one has room.
            "autotickangles": [0, -30, -90],
            "range": [-0.15, len(names) - 0.35],
            "showline": False,
        },
        y={"range": [-0.06, 1.06], "visible": False},
    )
    sorted_values = [
        sorted(axis.values, key=lambda value: (str(type(value)), value)) for axis in one.axes
    ]
    good = [goodness(one.scenario, record["value"]) for record in records]
    low, high = min(good), max(good)
    ranked = sorted(zip(good, records, strict=True), key=lambda pair: pair[0])
    few = max(1, len(ranked) // 5)
    for name, colour, opacity, group in (
        ("trials", -1, 0.25, ranked[:-few]),
        ("best fifth", 0, 1.0, ranked[-few:]),
    ):
        xs: list[float | None] = []
        ys: list[float | None] = []
        for goodness_, record in group:
            places = [
                values.index(record["params"][axis.name]) / (len(values) - 1)
                for axis, values in zip(one.axes, sorted_values, strict=True)
            ]
            xs += [*range(len(names)), None]
            ys += [*places, (goodness_ - low) / ((high - low) or 1), None]
        figure.add_scatter(
            x=xs,
            y=ys,
            mode="lines",
            name=name,
            opacity=opacity,
            line={"width": 1.8},
            hoverinfo="skip",
            meta={"colour": colour},
        )
    for place, values in enumerate(sorted_values):
        for at, value in enumerate(values):
            _tick(figure, place, at / (len(values) - 1), str(value))
    best, worst = ranked[-1][1]["value"], ranked[0][1]["value"]
    _tick(figure, len(names) - 1, 1, number(best))
    _tick(figure, len(names) - 1, 0, number(worst))
    return Drawing(
        title="Settings",
        note="Each line is a trial, from setting to setting to its figure; the better end is on "
        "top. Where the coloured lines meet is what matters.",
        figure=figure,
    )


def _tick(figure: go.Figure, x: float, y: float, text: str) -> None:
    figure.add_annotation(x=x, y=y, text=text, showarrow=False, xanchor="left", xshift=6, yshift=8)


def _pareto(one: Searched) -> Drawing | None:
    """Throughput against latency, and the trials that no other beats in both."""
    records = [record for record in _measured(one) if record["latency_ms"]]
    if not records:
        return None
    front: list[dict[str, Any]] = []
    for record in sorted(records, key=lambda r: (r["latency_ms"], -r["rate"])):
        if not front or record["rate"] > front[-1]["rate"]:
            front.append(record)
    of = "a batch" if one.scenario is Scenario.OFFLINE else "a query"
    figure = empty_figure(
        height=380,
        x={"title": axis_title(f"Latency of {of}, ms (unverified)"), "rangemode": "tozero"},
        y={"title": axis_title("Samples/s (unverified)"), "rangemode": "tozero"},
    )
    beaten = [record for record in records if record not in front]
    groups = (("markers", "trials", -1, beaten), ("lines+markers", "Pareto front", 0, front))
    for mode, name, colour, group in groups:
        figure.add_scatter(
            x=[float(f"{record['latency_ms']:.5g}") for record in group],
            y=[float(f"{record['rate']:.5g}") for record in group],
            mode=mode,
            name=name,
            marker={"size": 8, "opacity": 1 if colour == 0 else 0.45},
            customdata=[_words(record["params"]) for record in group],
            hovertemplate="%{customdata}<br>%{x:.4~g} ms, %{y:,.4~g} samples/s<extra></extra>",
            meta={"colour": colour},
        )
    return Drawing(
        title="Latency and throughput",
        note="Each point is a trial. No other trial is both faster to answer and higher in "
        "throughput than one on the front.",
        figure=figure,
    )


def _words(params: dict[str, Any]) -> str:
    return "<br>".join(f"{name.replace('_', ' ')} {value}" for name, value in params.items())
