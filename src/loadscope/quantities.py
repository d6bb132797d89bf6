"""Numbers with their units, as people read them."""

import math

TIME_UNITS = {"ns": 1.0, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
"""Nanoseconds in each unit of time."""

DECIMAL = ("", "k", "M", "G", "T", "P")
BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi")
"""Prefixes, a thousand and 1024 apart."""


def number(value: float) -> str:
    """Format with four significant digits, whole above 1000, thousands apart."""
    if value == 0:
        return "0"
    decimals = max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def time_unit(nanoseconds: float) -> str:
    """Return the unit that leaves one to three digits before the point."""
    return next((unit for unit in ("s", "ms", "µs") if nanoseconds >= TIME_UNITS[unit]), "ns")


def duration(nanoseconds: float) -> str:
    """Format a time in the unit that suits its size: ``6.502 ms``."""
    unit = time_unit(nanoseconds)
    return f"{number(nanoseconds / TIME_UNITS[unit])} {unit}"


def quantity(value: float, unit: str) -> str:
    """Format ``value`` with ``unit``; a unit of time may become another one."""
    if unit in TIME_UNITS:
        return duration(value * TIME_UNITS[unit])
    return f"{number(value)} {unit}"


def score(value: float, unit: str) -> str:
    """Format a score with the decimals of the official scripts: ``76.46 %``, ``0.8617``."""
    return f"{value:.2f} {unit}" if unit else f"{value:.4f}"


def percentage(fraction: float, resolution: int = 1) -> str:
    """Format a fraction in percent, with the decimals that tell ``resolution`` items apart."""
    decimals = max(0, math.ceil(math.log10(max(resolution, 1))) - 2)
    return f"{100 * fraction:.{decimals}f} %"


def amount(value: float, unit: str) -> str:
    """Format ``8.178 GFLOP``, ``131.1 GFLOP/s``; ``B`` alone goes in powers of 1024."""
    prefixes, base = (BINARY, 1024) if unit == "B" else (DECIMAL, 1000)
    shown, prefix = scaled(value, prefixes, base)
    text = f"{shown:,.0f}" if shown == int(shown) and not prefix else number(shown)
    return f"{text} {prefix}{unit}"


def scaled(value: float, prefixes: tuple[str, ...], base: int) -> tuple[float, str]:
    """Divide by ``base`` until a prefix of ``prefixes`` suits; returns the rest and the prefix."""
    place = 0
    while abs(value) >= base and place < len(prefixes) - 1:
        value /= base
        place += 1
    return value, prefixes[place]
