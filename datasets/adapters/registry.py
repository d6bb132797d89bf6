"""Adapters by name, found by the entry points ``loadscope.adapters`` of what is installed."""

from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from loadscope.datasets.adapters.adapter import Adapter
from loadscope.plugins import Plugins

ADAPTERS = Plugins[type[Adapter]]("loadscope.adapters", "adapter")
"""The adapters by name."""


def form_of(given: Any) -> Adapter:
    """The form of a data set from an entry's settings; the key ``adapter`` says which it is.

    Raises:
        ValueError: There is no such adapter, or the settings are not its own.
    """
    name = given.get("adapter") if isinstance(given, dict) else None
    if not isinstance(name, str) or name not in ADAPTERS:
        raise ValueError(f"adapter must be one of: {', '.join(ADAPTERS)}")
    kind = ADAPTERS[name]
    try:
        read: Adapter = TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "unexpected_keyword_argument":
            known = ", ".join(field.name for field in fields(kind))  # type: ignore[arg-type]
            raise ValueError(f"unknown key '{place}'; known here: {known}") from None
        said = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{place}: {said}" if place else said) from None
    return read


def form_record(form: Adapter) -> dict[str, Any]:
    """The settings of a form as JSON values, which ``form_of`` reads again."""
    dumped: dict[str, Any] = TypeAdapter(type(form)).dump_python(form, mode="json")
    return dumped
