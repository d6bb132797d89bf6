"""Ticks for a logarithmic axis of time."""

import math

from loadscope.quantities import TIME_UNITS, time_unit

_NARROW = 4
"""Below this ratio of its ends, a logarithmic axis looks even and has even ticks."""
_MOST, _FEWEST = 7, 4
_DIVISIONS = ((1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
_STEPS = (5.0, 2.5, 2.0, 1.0)


def time_ticks(low: float, high: float) -> list[float]:
    """Choose round values between ``low`` and ``high``, nanoseconds, ``0 < low < high``.

    On a narrow axis they are evenly spaced, at least four; otherwise the finest division of
    decades is taken that has at most seven, or the decades.
    """
    return _even(low, high) if high / low < _NARROW else _divided(low, high)


def tick_label(nanoseconds: float) -> str:
    """Format a tick without needless digits: ``250 µs``, ``1.5 s``."""
    unit = time_unit(nanoseconds)
    return f"{nanoseconds / TIME_UNITS[unit]:.6g} {unit}"


def _divided(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside: list[float] = []
    for division in _DIVISIONS:
        ticks = [part * 10.0**decade for decade in decades for part in division]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) <= _MOST:
            break
    return inside


def _even(low: float, high: float) -> list[float]:
    power = math.floor(math.log10(high - low))
    steps = (size * 10.0**exponent for exponent in (power, power - 1) for size in _STEPS)
    for step in steps:
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first + 1 >= _FEWEST:
            break
    return [index * step for index in range(first, last + 1)]
