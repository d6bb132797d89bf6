"""What a record of a published result is made of."""

from typing import Any

Record = dict[str, Any]
"""The columns of ``official`` but ``source``."""


def text(value: Any) -> str:
    """A text, of a mapping that of its parts; empty for what is none."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {text(one)}" for key, one in value.items())
    return "" if value is None or isinstance(value, list) else str(value).strip()


def number(value: Any) -> float | None:
    """A number, which MLCommons writes as text now and then: ``"64"``, ``"N/A"``."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
