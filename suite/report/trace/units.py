"""Units for the axes of a trace's figures."""

from collections.abc import Iterable

from loadscope.quantities import BINARY, DECIMAL, TIME_UNITS, scaled, time_unit


def time_axis(times_ns: Iterable[float]) -> tuple[str, float]:
    """The unit for an axis of these times, and the nanoseconds in it."""
    unit = time_unit(max(times_ns, default=0.0))
    return unit, TIME_UNITS[unit]


def bytes_axis(sizes: Iterable[int]) -> tuple[str, float]:
    """The unit for an axis of these sizes, and the bytes in it."""
    _, prefix = scaled(max(sizes, default=0), BINARY, 1024)
    return f"{prefix}B", float(1024 ** BINARY.index(prefix))


def tick_text(value: float) -> str:
    """Format a tick without needless digits: ``500 M``."""
    shown, prefix = scaled(value, DECIMAL, 1000)
    return f"{shown:.6g} {prefix}".rstrip()
