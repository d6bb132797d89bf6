"""Amounts with the prefix that suits their size."""

from loadscope.suite.report.quantities import number

_DECIMAL = ("", "k", "M", "G", "T", "P")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi")


def amount(value: float, unit: str) -> str:
    """Format ``8.178 GFLOP``, ``131.1 GFLOP/s``; ``B`` alone goes in powers of 1024."""
    prefixes, base = (_BINARY, 1024) if unit == "B" else (_DECIMAL, 1000)
    scaled, prefix = _scaled(value, prefixes, base)
    text = f"{scaled:,.0f}" if scaled == int(scaled) and not prefix else number(scaled)
    return f"{text} {prefix}{unit}"


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
