"""Figures of the layers: the slowest, time by type, the cumulative curve, the order, memory."""

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from loadscope.quantities import amount, duration
from loadscope.suite.report.figures.bars import Bar, draw_bars
from loadscope.suite.report.figures.layout import Drawing, axis_title, empty_figure
from loadscope.suite.report.trace.figures.axes import bytes_axis, time_axis
from loadscope.suite.report.trace.figures.types import Palette, plain
from loadscope.suite.report.trace.rows import fused, has_bodies, shapes_text, times_text
from loadscope.suite.worker.tracing.layers import Layer, TypeTime

TOP = 15
_MARKS = (50, 80, 95)
"""Percentages whose number of layers the note of the cumulative curve gives."""
_LABEL = 44


def draw_top(layers: Sequence[Layer], palette: Palette) -> Drawing:
    """Draw the ``TOP`` slowest layers."""
    slowest = sorted(layers, key=lambda layer: -layer.own_ns)[:TOP]
    share = sum(layer.own_share for layer in slowest)
    unit, scale = time_axis(layer.own_ns for layer in slowest)
    bars = [
        Bar(
            label=f"{plain(layer.title, _LABEL)} <i>{plain(layer.type, 20)}</i>",
            value=layer.own_ns / scale,
            text=f"{duration(layer.own_ns)}",
            hover=_hover(layer),
            colour=palette.colour(layer.type),
        )
        for layer in slowest
    ]
    return Drawing(
        title="Slowest layers",
        note=f"Median time a predict. These {len(slowest)} of {len(layers)} layers take "
        f"{100 * share:.0f} % of the predict; colours are types." + _own(layers),
        figure=draw_bars(bars, f"Time, {unit} (traced)"),
    )


def draw_types(types: Sequence[TypeTime], palette: Palette) -> Drawing:
    """Draw the time of each type of layer."""
    unit, scale = time_axis(one.duration_ns for one in types)
    bars = [
        Bar(
            label=f"{plain(one.type)}, {one.layers} layer{'' if one.layers == 1 else 's'}",
            value=one.duration_ns / scale,
            text=f"{100 * one.share:.1f} %",
            hover=f"{plain(one.type)}<br>{duration(one.duration_ns)} of a predict",
            colour=palette.colour(one.type),
        )
        for one in types[:TOP]
    ]
    hidden = len(types) - len(bars)
    more = f" {hidden} further types are in the table." if hidden > 0 else ""
    return Drawing(
        title="Time by type of layer",
        note="Sum of the median times of all layers of a type, and their share of the predict; "
        "types are ONNX operators." + more,
        figure=draw_bars(bars, f"Time, {unit} (traced)"),
    )


def draw_cumulative(layers: Sequence[Layer]) -> Drawing:
    """Draw what share of the time the slowest layers take together."""
    shares, total = [0.0], 0.0
    for layer in sorted(layers, key=lambda layer: -layer.own_share):
        total += layer.own_share
        shares.append(100 * total)
    figure = empty_figure(
        height=340,
        x={"title": axis_title("Layers, the slowest first"), "rangemode": "tozero"},
        y={"title": axis_title("Share of the predict, %"), "range": [0, max(102, shares[-1])]},
    )
    figure.add_scatter(
        x=list(range(len(shares))),
        y=[round(share, 3) for share in shares],
        mode="lines",
        line={"width": 1.8},
        showlegend=False,
        hovertemplate="%{x} layers: %{y:.1f} %<extra></extra>",
        meta={"colour": 0},
    )
    reached = "".join(
        f"{sum(share < mark - 1e-6 for share in shares)} take {mark} %, "
        for mark in _MARKS
        if shares[-1] >= mark - 1e-6
    )
    return Drawing(
        title="Cumulative time",
        note=f"How few layers take how much of a predict: of {len(layers)}, {reached}"
        f"all together {shares[-1]:.0f} %.",
        figure=figure,
    )


def draw_order(layers: Sequence[Layer], palette: Palette) -> Drawing:
    """Draw the time of every layer in the order of execution."""
    unit, scale = time_axis(layer.own_ns for layer in layers)
    figure = _in_order(
        layers, palette, lambda layer: layer.own_ns / scale, f"Time, {unit} (traced)"
    )
    return Drawing(
        title="Layers in the order of execution",
        note="Median time of every layer, from the first to the last." + _own(layers),
        figure=figure,
    )


def draw_memory(layers: Sequence[Layer], palette: Palette) -> Drawing | None:
    """Draw the bytes that every layer allocates; None when none says."""
    known = [layer for layer in layers if layer.bytes is not None]
    if not known:
        return None
    unit, scale = bytes_axis(layer.bytes or 0 for layer in known)
    figure = _in_order(known, palette, lambda layer: (layer.bytes or 0) / scale, f"Memory, {unit}")
    total = sum(layer.bytes or 0 for layer in known)
    missing = len(layers) - len(known)
    unsaid = f" {missing} layers do not say." if missing else ""
    return Drawing(
        title="Memory by layer",
        note="What each layer allocates for its outputs, in the order of execution; "
        f"{amount(total, 'B')} in all, of which a framework uses parts again." + unsaid,
        figure=figure,
    )


def _in_order(
    layers: Sequence[Layer], palette: Palette, value: Callable[[Layer], float], unit: str
) -> go.Figure:
    figure = empty_figure(
        height=380,
        x={"title": axis_title("Layer, in the order of execution"), "showgrid": False},
        y={"title": axis_title(unit), "rangemode": "tozero"},
    )
    # Stacked: a layer has one bar, so that its neighbours of other types leave it no gap.
    figure.update_layout(
        barmode="stack", bargap=0.1, margin={"t": 48}, legend={"traceorder": "normal"}
    )
    for name, colour, some in palette.groups(layers):
        figure.add_bar(
            x=[layer.index for layer in some],
            y=[float(f"{value(layer):.6g}") for layer in some],
            name=name,
            customdata=[_hover(layer) for layer in some],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=True,
            meta={"colour": colour},
        )
    return figure


def _own(layers: Sequence[Layer]) -> str:
    return " Times are without the layers of a layer's body." if has_bodies(layers) else ""


def _hover(layer: Layer) -> str:
    lines = [
        f"{plain(layer.title)}{times_text(layer)}, {plain(layer.type)}, layer {layer.index}",
        f"{duration(layer.duration_ns)} ({100 * layer.share:.1f} %), quartiles "
        f"{duration(layer.low_ns)} and {duration(layer.high_ns)}",
    ]
    if layer.body_ns:
        lines.append(f"{duration(layer.own_ns)} ({100 * layer.own_share:.1f} %) without its body")
    if layer.output_shapes:
        lines.append(f"output {shapes_text(layer)} {layer.dtype or ''}")
    if layer.bytes is not None:
        lines.append(f"{amount(layer.bytes, 'B')} allocated")
    if layer.flops and layer.flops_per_second:
        lines.append(f"{amount(layer.flops, 'FLOP')}, {amount(layer.flops_per_second, 'FLOP/s')}")
    if len(layer.constituents) > 1:
        lines.append(plain(fused(layer)))
    return "<br>".join(lines)
