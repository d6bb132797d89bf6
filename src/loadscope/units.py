"""Times as people write them: ``15ms``, ``0.5 s``, ``10min``; bare numbers are milliseconds."""

import re

_UNITS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6}
_PATTERN = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([^\s0-9.]*)\s*")


def milliseconds(text: str | int | float, plausible: tuple[float, float] | None = None) -> float:
    """Read a time.

    Args:
        text: A number, or a number and a unit. A bare number is milliseconds, as in LoadGen's
            own configuration.
        plausible: Bounds in milliseconds that a bare number must keep; outside them another
            unit was probably meant (nanoseconds, seconds).

    Returns:
        Milliseconds.

    Raises:
        ValueError: Not a positive time, an unknown unit, or an implausible bare number.
    """
    match = _PATTERN.fullmatch(str(text))
    if match is None:
        raise ValueError(f"'{text}' is not a time; write for example 15ms or 60s")
    number, unit = float(match[1]), match[2]
    if unit and unit not in _UNITS:
        raise ValueError(f"'{text}': unknown unit '{unit}'; use one of {', '.join(_UNITS)}")
    value = number * _UNITS[unit or "ms"]
    if value <= 0:
        raise ValueError(f"'{text}' must be longer than zero")
    if not unit and plausible is not None and not plausible[0] <= value <= plausible[1]:
        raise ValueError(
            f"'{text}' without a unit is milliseconds, expected {plausible[0]:g} to "
            f"{plausible[1]:g}; write the unit, for example "
            f"{number:g}us, {number:g}ms or {number:g}s"
        )
    return value


def human(ms: float) -> str:
    """A time for people: ``950 µs``, ``12.3 ms``, ``600 s``."""
    if ms < 1:
        return f"{ms * 1e3:.3g} µs"
    if ms < 1000:
        return f"{ms:.4g} ms"
    return f"{ms / 1e3:.4g} s"
