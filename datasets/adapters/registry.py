"""Adapters by name, found by the entry points ``loadscope.adapters`` of what is installed."""

from dataclasses import fields
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from pydantic import TypeAdapter, ValidationError

from loadscope.datasets.adapters.adapter import Adapter

GROUP = "loadscope.adapters"


@cache
def adapter_names() -> list[str]:
    """The names of all adapters that are installed, in order; none is imported."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def form_of(given: Any) -> Adapter:
    """The form of a data set from an entry's settings; the key ``adapter`` says which it is.

    Raises:
        ValueError: There is no such adapter, or the settings are not its own.
    """
    name = given.get("adapter") if isinstance(given, dict) else None
    if name not in adapter_names():
        raise ValueError(f"adapter must be one of: {', '.join(adapter_names())}")
    try:
        read: Adapter = TypeAdapter(_type(name)).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "unexpected_keyword_argument":
            known = ", ".join(field.name for field in fields(_type(name)))  # type: ignore[arg-type]
            raise ValueError(f"unknown key '{place}'; known here: {known}") from None
        said = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{place}: {said}" if place else said) from None
    return read


def form_record(form: Adapter) -> dict[str, Any]:
    """The settings of a form as JSON values, which ``form_of`` reads again."""
    dumped: dict[str, Any] = TypeAdapter(type(form)).dump_python(form, mode="json")
    return dumped


@cache
def _type(name: str) -> type[Adapter]:
    (point,) = {point for point in entry_points(group=GROUP) if point.name == name}
    loaded: type[Adapter] = point.load()
    return loaded
