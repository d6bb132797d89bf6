"""The layers against what the machine can do at most."""

import math
from collections.abc import Sequence

from loadscope.quantities import amount
from loadscope.suite.report.figures.layout import Drawing, empty_figure
from loadscope.suite.report.trace.figures.axes import log_axis, tick_text
from loadscope.suite.report.trace.figures.types import Palette, plain
from loadscope.suite.trace.peaks import PEAKS_FILE, Peaks
from loadscope.suite.worker.tracing.layers import Layer

_SMALLEST, _LARGEST = 7.0, 26.0
"""Diameters in pixels; the area of a point is its share of the time."""


def draw_roofline(layers: Sequence[Layer], palette: Palette, peaks: Peaks) -> Drawing | None:
    """Draw achieved FLOP/s over FLOPs a byte; None when no layer has both."""
    points = {
        layer.index: (intensity, rate)
        for layer in layers
        if (intensity := layer.intensity) and (rate := layer.flops_per_second)
    }
    if not points:
        return None
    shown = [layer for layer in layers if layer.index in points]
    intensities = [x for x, _ in points.values()] + [peaks.ridge]
    rates = [rate for _, rate in points.values()] + [peaks.flops_per_second]
    low, high = min(intensities) / 2, max(intensities) * 3
    figure = empty_figure(
        height=440,
        x=log_axis("FLOPs a byte", low, high, tick_text),
        y=log_axis("FLOP/s (traced)", min(rates) / 2, max(rates) * 2, tick_text),
    )
    figure.update_layout(margin={"t": 48})
    corners = [low, peaks.ridge, high]
    figure.add_scatter(
        x=[float(f"{x:.6g}") for x in corners],
        y=[float(f"{peaks.bound(x):.6g}") for x in corners],
        mode="lines",
        line={"width": 1.6},
        name="measured limit",
        showlegend=True,
        hovertemplate="%{y:.4~s}FLOP/s at most<extra></extra>",
        meta={"colour": -1},
    )
    most = max(layer.own_share for layer in shown)
    for name, colour, some in palette.groups(shown):
        figure.add_scatter(
            x=[float(f"{layer.intensity:.5g}") for layer in some],
            y=[float(f"{layer.flops_per_second:.5g}") for layer in some],
            mode="markers",
            marker={
                "size": [
                    round(max(_SMALLEST, _LARGEST * math.sqrt(layer.own_share / most)), 1)
                    for layer in some
                ],
                "opacity": 0.75,
                "line": {"width": 0},
            },
            name=name,
            showlegend=True,
            customdata=[_hover(layer, peaks) for layer in some],
            hovertemplate="%{customdata}<extra></extra>",
            meta={"colour": colour},
        )
    missing = len(layers) - len(shown)
    left_out = f" {missing} layers without FLOPs or shapes are not drawn." if missing else ""
    above = sum(rate > peaks.bound(x) for x, rate in points.values())
    if above:
        left_out += (
            f" {above} layers are above the limit, which is too low then: the machine was "
            f"busy, or its BLAS slower than the framework. Delete {PEAKS_FILE} to measure again."
        )
    return Drawing(
        title="Roofline",
        note="Left of the bend memory limits a layer, right of it the processor; the nearer to the "
        "line, the less there is to gain. Large points take much time. Bytes are those of "
        "a layer's inputs and outputs; weights that the framework has repacked are not among "
        "them, so that points can stand right of where they belong. Measured on this machine: "
        f"{amount(peaks.flops_per_second, 'FLOP/s')}, {amount(peaks.bytes_per_second, 'B/s')} "
        f"({peaks.how})." + left_out,
        figure=figure,
    )


def _hover(layer: Layer, peaks: Peaks) -> str:
    rate, intensity = layer.flops_per_second or 0.0, layer.intensity or 0.0
    return (
        f"{plain(layer.title)}, {plain(layer.type)}<br>{amount(rate, 'FLOP/s')}, "
        f"{100 * rate / peaks.bound(intensity):.0f} % of the limit<br>"
        f"{intensity:.3g} FLOPs a byte, {100 * layer.own_share:.1f} % of the predict"
    )
