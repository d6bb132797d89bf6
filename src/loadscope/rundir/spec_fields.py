"""What is said of each field of a spec wherever it is asked for: a command's options, a form."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field, JsonValue

from loadscope.names import Scenario


class Group(StrEnum):
    """The heading under which a field is asked for, in the order of the headings."""

    DATA = "Model and data"
    OWN = "A model of your own"
    TARGETS = "Scenario and targets"
    TESTS = "Tests and their length"
    EXECUTION = "Execution"


class Kind(StrEnum):
    """What is written for a field; the values are how a usage line calls it."""

    TEXT = "TEXT"
    CHOICE = "NAME"
    INTEGER = "INTEGER"
    NUMBER = "NUMBER"
    TIME = "TIME"
    FILE = "FILE"
    PAIRS = "NAME=VALUE"
    FLAG = ""


@dataclass(frozen=True)
class Only:
    """Marks a field that some scenarios alone have.

    Attributes:
        scenarios: Those that have it.
        otherwise: What to say where it is given to another, ``{scenario}``.
    """

    scenarios: tuple[Scenario, ...]
    otherwise: str


@dataclass(frozen=True)
class SpecField:
    """One field of a spec, as it is asked for.

    Attributes:
        name: Of the field.
        help: What it is, in a sentence or two.
        group: Where it belongs.
        kind: What is written for it.
        unit: Of its value as it is kept; empty where it has none.
        completes: The catalogue that its values come from, or empty: ``models``, ``frameworks``,
            ``datasets``, ``tasks``, ``devices``, ``backend options``.
        choices: The values that it can have, or a word beside numbers; empty where any will do.
        many: Whether it has several values.
        default: The value where none is given, as text; empty where none is.
        scenarios: Those that have it alone; empty where all do.
    """

    name: str
    help: str
    group: Group
    kind: Kind
    unit: str
    completes: str
    choices: tuple[str, ...]
    many: bool
    default: str
    scenarios: tuple[Scenario, ...]

    @property
    def option(self) -> str:
        """The command line's option of the field."""
        name = self.name.removesuffix("s") if self.kind is Kind.PAIRS else self.name
        return f"--{name.replace('_', '-')}"


def told(
    group: Group,
    help: str,
    unit: str = "",
    completes: str = "",
    choices: tuple[str, ...] = (),
) -> Any:
    """What is said of a field, for its annotation; it is in the model's JSON schema, too.

    Args:
        group: See ``SpecField``, as the others.
        help: A field without is an error.
        unit: ``ms`` makes a number a time.
        completes: A catalogue.
        choices: Instead of those that the field's type has.
    """
    said: dict[str, JsonValue] = {
        "group": group,
        "unit": unit,
        "completes": completes,
        "choices": list(choices),
    }
    return Field(description=help, json_schema_extra=said)


def spec_fields(model: type[BaseModel]) -> tuple[SpecField, ...]:
    """The fields of a model annotated by ``told``: its own in their order, then the inherited."""
    schema = model.model_json_schema()
    own = vars(model).get("__annotations__", {})
    marks = {name: field.metadata for name, field in model.model_fields.items()}
    return tuple(
        _field(name, entry, schema.get("$defs", {}), marks[name])
        for name, entry in sorted(schema["properties"].items(), key=lambda one: one[0] not in own)
    )


def _field(name: str, entry: dict[str, Any], types: dict[str, Any], marks: list[Any]) -> SpecField:
    many = any(one.get("type") == "array" for one in _alternatives(entry, types))
    inner = [
        one
        for outer in _alternatives(entry, types)
        for one in (_alternatives(outer["items"], types) if "items" in outer else [outer])
    ]
    own = [
        value
        for one in inner
        for value in one.get("enum", [one["const"]] if "const" in one else [])
    ]
    default = entry.get("default")
    none = default is None or default is False or default == {}
    values = default if isinstance(default, list) else [] if none else [default]
    return SpecField(
        name=name,
        help=entry["description"],
        group=Group(entry["group"]),
        kind=_kind(inner, entry["unit"]),
        unit=entry["unit"],
        completes=entry["completes"],
        choices=tuple(map(str, entry["choices"] or own)),
        many=many or _kind(inner, "") is Kind.PAIRS,
        default=", ".join(map(str, values)),
        scenarios=next((mark.scenarios for mark in marks if isinstance(mark, Only)), ()),
    )


def _alternatives(entry: dict[str, Any], types: dict[str, Any]) -> list[dict[str, Any]]:
    """The types that a value can be of, but for none at all."""
    if "$ref" in entry:
        entry = types[entry["$ref"].rsplit("/", 1)[-1]]
    return [
        each
        for one in entry.get("anyOf", [])
        for each in _alternatives(one, types)
        if each.get("type") != "null"
    ] or [entry]


def _kind(types: list[dict[str, Any]], unit: str) -> Kind:
    names = {one.get("type") for one in types}
    if names == {"boolean"}:
        return Kind.FLAG
    if "integer" in names:
        return Kind.INTEGER
    if "number" in names:
        return Kind.TIME if unit == "ms" else Kind.NUMBER
    if "object" in names:
        return Kind.PAIRS
    if any(one.get("format") == "path" for one in types):
        return Kind.FILE
    return Kind.CHOICE if any("enum" in one for one in types) else Kind.TEXT
