"""All that is known of a layer, as the cells of a table."""

from loadscope.suite.report.quantities import duration
from loadscope.suite.report.wording import NONE
from loadscope.suite.trace.layers import Layer
from loadscope.suite.trace.peaks import Peaks
from loadscope.suite.trace.report.units import amount

HEADINGS = (
    "#", "Layer", "Type", "Time", "Corrected", "Share", "FLOPs", "FLOP/s", "Of limit", "Memory",
    "Output", "Library",
)  # fmt: skip


def layer_cells(layer: Layer, correction: float, peaks: Peaks | None) -> list[str]:
    """Give the cells under ``HEADINGS``.

    Args:
        layer: The layer.
        correction: Factor that takes the cost of tracing out of a time.
        peaks: The machine's limits where they are known.
    """
    rate = layer.flops_per_second
    return [
        str(layer.index),
        layer.name if len(layer.constituents) < 2 else f"{layer.name} ({fused(layer)})",
        layer.type,
        duration(layer.duration_ns),
        duration(layer.duration_ns * correction),
        f"{100 * layer.share:.1f} %",
        amount(layer.flops, "FLOP") if layer.flops else NONE,
        amount(rate, "FLOP/s") if rate else NONE,
        limit_text(layer, peaks),
        NONE if layer.bytes is None else amount(layer.bytes, "B"),
        shapes_text(layer),
        ", ".join(layer.primitives) or NONE,
    ]


def fused(layer: Layer) -> str:
    """Say which layers are fused into this one."""
    return "fused: " + ", ".join(layer.constituents)


def shapes_text(layer: Layer) -> str:
    """Write the output shapes, sizes with multiplication signs between them."""
    shapes = ("\N{MULTIPLICATION SIGN}".join(map(str, shape)) for shape in layer.output_shapes)
    return ", ".join(shapes) or NONE


def limit_text(layer: Layer, peaks: Peaks | None) -> str:
    """Say how near a layer is to the roofline: ``62 %``, or a dash where it is not known."""
    rate, intensity = layer.flops_per_second, layer.intensity
    if peaks is None or rate is None or intensity is None:
        return NONE
    return f"{100 * rate / peaks.bound(intensity):.0f} %"
