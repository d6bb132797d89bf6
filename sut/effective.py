"""What is in force in a loaded model, held against what was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadscope.errors import InputError
from loadscope.names import DEFAULT_NUMERICS
from loadscope.sut.info import DEVICE, BackendInfo

_FLOATS = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Effective:
    """What a backend says is in force once it has loaded a model.

    Attributes:
        settings: Plain values by the names by which they are asked for: ``threads``, ``device``,
            ``dtype`` (the type of the numbers that it computes with) and the backend's options,
            as far as it can tell; further facts by names of their own (``fixed_batch``).
        causes: Why a setting may be another than the one asked for, where the backend knows: the
            library that is missing.
    """

    settings: Mapping[str, Any]
    causes: Mapping[str, str] = field(default_factory=dict)


def require_in_force(
    info: BackendInfo,
    threads: int,
    options: Mapping[str, Any],
    effective: Effective,
    numerics: str = DEFAULT_NUMERICS,
    max_batch: int | None = None,
) -> None:
    """Check that what was asked of a backend is in force; what it cannot tell is passed over.

    Where no device is asked for it is the backend's first, and where no ``dtype`` is, it is that
    of the model's file.

    Args:
        info: Of the backend.
        threads: As given to ``Backend.load``.
        options: As given to ``Backend.load``.
        effective: What the backend says.
        numerics: As given to ``Backend.load``.
        max_batch: As given to ``Backend.load``.

    Raises:
        InputError: A setting differs; the message has both and the cause.
    """
    wanted = {"threads": threads, **options, DEVICE: info.device(options)}
    if numerics in _FLOATS:
        wanted.setdefault("dtype", numerics)
    # A file whose batch axis is free takes any number.
    if effective.settings.get("fixed_batch") is not None:
        wanted["fixed_batch"] = max_batch
    for name, asked in wanted.items():
        found = effective.settings.get(name, asked)
        if found == asked:
            continue
        cause = effective.causes.get(name, "")
        raise InputError(
            f"{info.title}: {name}: expected {_shown(asked)}, got {_shown(found)}"
            + (f": {cause}" if cause else ""),
            f"mend the cause, or ask for what is in force: {_asked(info, name, found, options)}",
        )


def _asked(info: BackendInfo, name: str, value: Any, options: Mapping[str, Any]) -> str:
    """How a value is asked for."""
    if name == "threads":
        return f"--threads {value}"
    if name == "fixed_batch":
        return f"max_batch: {value} in the model's manifest"
    if name == "dtype" and name not in options:
        return f"numerics: {value} in the model's manifest"
    if name == DEVICE:
        return f"--device {value}"
    if name in info.options:
        return f"--option {name}={_shown(value)}"
    return f"{info.title} takes the {name} by itself"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value)
