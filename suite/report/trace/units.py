"""Amounts with the prefix that suits their size."""

from collections.abc import Iterable

from loadscope.suite.report.quantities import TIME_UNITS, number, time_unit

_DECIMAL = ("", "k", "M", "G", "T", "P")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi")


def amount(value: float, unit: str) -> str:
    """Format ``8.178 GFLOP``, ``131.1 GFLOP/s``; ``B`` alone goes in powers of 1024."""
    prefixes, base = (_BINARY, 1024) if unit == "B" else (_DECIMAL, 1000)
    scaled, prefix = _scaled(value, prefixes, base)
    text = f"{scaled:,.0f}" if scaled == int(scaled) and not prefix else number(scaled)
    return f"{text} {prefix}{unit}"


def time_axis(times_ns: Iterable[float]) -> tuple[str, float]:
    """The unit for an axis of these times, and the nanoseconds in it."""
    unit = time_unit(max(times_ns, default=0.0))
    return unit, TIME_UNITS[unit]


def bytes_axis(sizes: Iterable[int]) -> tuple[str, float]:
    """The unit for an axis of these sizes, and the bytes in it."""
    _, prefix = _scaled(max(sizes, default=0), _BINARY, 1024)
    return f"{prefix}B", float(1024 ** _BINARY.index(prefix))


def tick_text(value: float) -> str:
    """Format a tick without needless digits: ``500 M``."""
    scaled, prefix = _scaled(value, _DECIMAL, 1000)
    return f"{scaled:.6g} {prefix}".rstrip()


def _scaled(value: float, prefixes: tuple[str, ...], base: int) -> tuple[float, str]:
    place = 0
    while abs(value) >= base and place < len(prefixes) - 1:
        value /= base
        place += 1
    return value, prefixes[place]
