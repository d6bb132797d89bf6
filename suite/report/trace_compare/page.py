"""A comparison as one HTML file that needs no network."""

import plotly.graph_objects as go

from loadscope.quantities import duration
from loadscope.suite.report.figures.bars import Bar, draw_bars
from loadscope.suite.report.figures.layout import Drawing, empty_figure
from loadscope.suite.report.figures.ticks import tick_label
from loadscope.suite.report.render import render
from loadscope.suite.report.sections import PlacedFigure
from loadscope.suite.report.trace.facts import NOT_A_RESULT
from loadscope.suite.report.trace.figures import Palette, log_axis, plain, time_axis
from loadscope.suite.report.trace_compare.comparison import LayerMatch, TraceComparison
from loadscope.suite.report.trace_compare.wording import (
    ROW_HEADINGS,
    TYPE_HEADINGS,
    balance,
    row_cells,
    side_name,
    signed,
    type_cells,
)
from loadscope.suite.worker.tracing.layers import by_type

TOP = 15
TOP_TYPES = 8
_A, _B = 0, 1
"""Colours of the two sides."""


def build_comparison_page(found: TraceComparison) -> str:
    """Render the page: sums by type, the largest differences, all layers."""
    figures = comparison_figures(found)
    return render(
        "compare.html",
        figures,
        sides=[("A", side_name(found.a)), ("B", side_name(found.b))],
        balance=balance(found),
        caveats=found.caveats,
        plots=figures,
        type_headings=TYPE_HEADINGS,
        types=[type_cells(one) for one in found.types],
        headings=ROW_HEADINGS,
        matched=[row_cells(row) for row in found.matched],
        unmatched=[row_cells(row) for row in (*found.only_a, *found.only_b)],
        not_a_result=NOT_A_RESULT,
    )


def comparison_figures(found: TraceComparison) -> list[PlacedFigure]:
    """What is drawn of a comparison."""
    return [
        PlacedFigure("types", _draw_types(found)),
        PlacedFigure("differences", _draw_differences(found)),
        PlacedFigure("scatter", _draw_scatter(found)),
    ]


def _draw_types(found: TraceComparison) -> Drawing:
    shown = found.types[:TOP_TYPES]
    unit, scale = time_axis(time for one in shown for time in (one.a_ns, one.b_ns))
    bars = [
        Bar(
            label=f"{plain(one.type)}, {side}" if colour == _A else side,
            value=time / scale,
            text=duration(time) if time else "none",
            hover=f"{plain(one.type)} in {side}: {duration(time) if time else 'none'}",
            colour=colour,
        )
        for one in shown
        for side, time, colour in (("A", one.a_ns, _A), ("B", one.b_ns, _B))
    ]
    return Drawing(
        title="Time by type of layer",
        note="The types that differ most; in each pair A is above B.",
        figure=draw_bars(bars, f"Time a {found.per}, {unit} (traced)"),
    )


def _draw_differences(found: TraceComparison) -> Drawing:
    rows = found.by_difference[:TOP]
    unit, scale = time_axis(abs(row.difference_ns) for row in rows)
    bars = [
        Bar(
            label=f"{plain(row.name, 44)} <i>{plain(row.type, 24)}</i>",
            value=abs(row.difference_ns) / scale,
            text=signed(row.difference_ns),
            hover=_hover(row),
            colour=_B if row.difference_ns > 0 else _A,
        )
        for row in rows
    ]
    return Drawing(
        title="Largest differences",
        note="By how much one side is slower, in the colour of the slower side: A (first colour, "
        "minus) or B (second colour, plus).",
        figure=draw_bars(bars, f"Difference a {found.per}, {unit} (traced)"),
    )


def _draw_scatter(found: TraceComparison) -> Drawing:
    rows = [row for row in found.matched if row.ratio]
    palette = Palette.of(by_type(found.a.layers))
    times = [time for row in rows for time in (row.a_ns, row.b_ns)] or [1.0]
    low, high = min(times) / 1.5, max(times) * 1.5
    figure: go.Figure = empty_figure(
        height=440,
        x=log_axis(f"Time a {found.per} in A (traced)", low, high, tick_label),
        y=log_axis(f"Time a {found.per} in B (traced)", low, high, tick_label),
    )
    figure.update_layout(margin={"t": 48})
    figure.add_scatter(
        x=[low, high],
        y=[low, high],
        mode="lines",
        line={"width": 1.2, "dash": "dot"},
        name="equal",
        hoverinfo="skip",
        showlegend=True,
        meta={"colour": -1},
    )
    first = {row.a[0].index: row for row in rows}
    for name, colour, layers in palette.groups([row.a[0] for row in rows]):
        some = [first[layer.index] for layer in layers]
        figure.add_scatter(
            x=[float(f"{row.a_ns:.5g}") for row in some],
            y=[float(f"{row.b_ns:.5g}") for row in some],
            mode="markers",
            marker={"size": 8, "opacity": 0.75},
            name=name,
            showlegend=True,
            customdata=[_hover(row) for row in some],
            hovertemplate="%{customdata}<extra></extra>",
            meta={"colour": colour},
        )
    return Drawing(
        title="Layer by layer",
        note="A point a match; above the dotted line B is slower, below it A.",
        figure=figure,
    )


def _hover(row: LayerMatch) -> str:
    a = duration(row.a_ns) + ": " if row.a else "none"
    b = duration(row.b_ns) + ": " if row.b else "none"
    lines = [plain(row.type)]
    for letter, time, side in (("A", a, row.a), ("B", b, row.b)):
        lines.append(f"{letter} {time}{plain(' + '.join(layer.title for layer in side))}")
    return "<br>".join(lines)
