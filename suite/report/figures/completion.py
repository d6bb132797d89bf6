"""Samples done over time in the Offline scenario."""

from collections.abc import Sequence

from loadscope.suite.report.batches import Completion
from loadscope.suite.report.figures.layout import Drawing, axis_title, empty_figure
from loadscope.suite.report.figures.series import Series


def draw_completion(series: Sequence[tuple[Series, Completion]]) -> Drawing:
    """Draw the count of samples done against the time since the start of the test."""
    figure = empty_figure(
        height=360,
        x={"title": axis_title("Time since the start of the test, s"), "rangemode": "tozero"},
        y={
            "title": axis_title("Samples done (unverified)"),
            "rangemode": "tozero",
            "tickformat": "~s",
        },
    )
    for style, completion in series:
        figure.add_scatter(
            x=[float(f"{second:.6g}") for second in completion.seconds],
            y=[int(count) for count in completion.done],
            mode="lines",
            line={"shape": "hv", "dash": style.dash, "width": 1.8},
            name=style.legend,
            showlegend=True,
            hovertemplate="%{fullData.name}<br>%{x:.4~g} s: %{y:,} samples<extra></extra>",
            meta={"colour": style.colour},
        )
    return Drawing(
        title="Completion",
        note="Samples done over time, a step at the end of a batch. A straight line is a steady "
        "rate; a bend is a change of speed, a flat end a worker that the others wait for.",
        figure=figure,
    )
