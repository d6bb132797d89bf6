"""All that is known of a layer, as the cells of a table."""

from collections.abc import Iterable

from loadscope.quantities import amount, duration
from loadscope.suite.report.wording import NONE
from loadscope.suite.trace.peaks import Peaks
from loadscope.suite.worker.tracing.layers import Layer

_BEFORE = ("#", "Layer", "Type", "Time", "Corrected")
_BODIES = ("Own time",)
_AFTER = ("FLOPs", "FLOP/s", "Of limit", "Memory", "Output", "Library")


def has_bodies(layers: Iterable[Layer]) -> bool:
    """Whether some layers are in the bodies of others, so that a time has a part of its own."""
    return any(layer.parent is not None for layer in layers)


def share_heading(bodies: bool) -> str:
    """What the column of shares is called; with bodies only the shares of own times add up."""
    return "Own share" if bodies else "Share"


def headings(bodies: bool) -> tuple[str, ...]:
    """The headings over ``layer_cells``."""
    return (*_BEFORE, *(_BODIES if bodies else ()), share_heading(bodies), *_AFTER)


def layer_cells(layer: Layer, correction: float, peaks: Peaks | None, bodies: bool) -> list[str]:
    """Give the cells under ``headings``.

    Args:
        layer: The layer.
        correction: Factor that takes the cost of tracing out of a time.
        peaks: The machine's limits where they are known.
        bodies: As in ``headings``.
    """
    rate = layer.flops_per_second
    return [
        str(layer.index),
        indented(layer) + (f" ({fused(layer)})" if len(layer.constituents) > 1 else ""),
        layer.type,
        duration(layer.duration_ns),
        duration(layer.duration_ns * correction),
        *([duration(layer.own_ns)] if bodies else []),
        f"{100 * layer.own_share:.1f} %",
        amount(layer.flops, "FLOP") if layer.flops else NONE,
        amount(rate, "FLOP/s") if rate else NONE,
        limit_text(layer, peaks),
        NONE if layer.bytes is None else amount(layer.bytes, "B"),
        shapes_text(layer),
        ", ".join(layer.primitives) or NONE,
    ]


def indented(layer: Layer) -> str:
    """Its name below those of the layers around it, with how often it ran in a predict."""
    depth = len(layer.within)
    branch = "\N{EM SPACE}" * (depth - 1) + "\N{BOX DRAWINGS LIGHT UP AND RIGHT} " if depth else ""
    return branch + layer.name + times_text(layer)


def times_text(layer: Layer) -> str:
    """What stands behind the name of a layer that ran several times in a predict."""
    return f" \N{MULTIPLICATION SIGN}{layer.calls:g}" if layer.calls > 1 else ""


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
