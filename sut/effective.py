"""What is in force in a loaded model, held against what was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadscope.errors import InputError


@dataclass(frozen=True)
class Effective:
    """What a backend says is in force once it has loaded a model.

    Attributes:
        settings: Plain values by the names by which they are asked for: ``threads`` and the
            backend's options, as far as it can tell; further facts by names of their own
            (``device``, ``fixed_batch``).
        causes: Why a setting may be another than the one asked for, where the backend knows: the
            library that is missing.
    """

    settings: Mapping[str, Any]
    causes: Mapping[str, str] = field(default_factory=dict)


def require_in_force(
    title: str, threads: int, options: Mapping[str, Any], effective: Effective
) -> None:
    """Check that what was asked of a backend is in force; what it cannot tell is passed over.

    Args:
        title: The framework's own spelling.
        threads: As given to ``Backend.load``.
        options: As given to ``Backend.load``.
        effective: What the backend says.

    Raises:
        InputError: A setting differs; the message has both and the cause.
    """
    for name, asked in {"threads": threads, **options}.items():
        found = effective.settings.get(name, asked)
        if found == asked:
            continue
        cause = effective.causes.get(name, "")
        option = "--threads " if name == "threads" else f"--option {name}="
        raise InputError(
            f"{title}: {name}: expected {_shown(asked)}, got {_shown(found)}"
            + (f": {cause}" if cause else ""),
            f"mend the cause, or ask for what is in force: {option}{_shown(found)}",
        )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value)
