"""YAML files read against a schema, with errors that name file, line, key and mend."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from loadscope.errors import InputError, unexpected

T = TypeVar("T", bound=BaseModel)
BESIDE = "x-beside"
"""In an alternative of a JSON schema: the values of keys beside or above, for which it is meant."""
_Location = tuple[int | str, ...]
_PLAIN = ("null", "bool", "int", "float", "str", "seq", "map", "merge")
# pydantic's error types; models and dataclasses have different ones.
_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
_MISSING_KEY = ("missing", "missing_argument", "missing_keyword_only_argument")
_ABSENT = object()
_CORRECT = "correct the value"
_TAG = "tag:yaml.org,2002:"


class _Fault(NamedTuple):
    """What is wrong on a line (None where the file has none), and its mend."""

    line: int | None
    what: str
    mend: str


SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""For ``yaml.load``: libyaml's parser is several times as fast, and is not in every PyYAML."""


class _Loader(SafeLoader):  # type: ignore[misc]
    """YAML restricted to what JSON can say: no dates, no sets, no key twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's way to declare them)
        first: [pair for pair in pairs if pair[0].removeprefix(_TAG) in _PLAIN]
        for first, pairs in SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012
        tag: make
        for tag, make in SafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(_TAG) in _PLAIN
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeats: list[_Fault] = []

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Make a dict, refusing a key that is not text and noting one that comes twice."""
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.tag == f"{_TAG}merge":
                continue
            if key.tag != f"{_TAG}str":
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be text; put it in quotes", key.start_mark
                )
            if key.value in seen:
                line = key.start_mark.line + 1
                fault = _Fault(line, f"the key '{key.value}' comes twice", "remove one of the two")
                # An anchor's mapping is constructed again wherever it is merged.
                if fault not in self.repeats:
                    self.repeats.append(fault)
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return made


def read_yaml(path: Path, schema: type[T], context: Mapping[str, Any] | None = None) -> T:
    """Read a YAML file that must fit a schema.

    Args:
        path: The file, UTF-8.
        schema: The model; validated strictly, as JSON (text is not taken for a number).
        context: Passed on to the schema's validators.

    Raises:
        InputError: The file cannot be read, is not YAML, or does not fit the schema. The
            message names the file, the line and the key of every fault, a line of its own each.
    """
    root, data, repeats = _parse(path)
    faults: dict[_Fault, None] = dict.fromkeys(repeats)
    while True:
        try:
            read = schema.model_validate_json(json.dumps(data), strict=True, context=context)
        except ValidationError as error:
            faults |= dict.fromkeys(
                _fault(root, schema, one) for one in error.errors() if not _is_consequence(one)
            )
            # Checks of several keys together are made only where each key is known.
            if _drop_unknown(data, error):
                continue
        if faults:
            raise _together(path, sorted(faults, key=lambda fault: fault.line or 0))
        return read


def _parse(path: Path) -> tuple[yaml.Node | None, Any, list["_Fault"]]:
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: not found", "check the path") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: is not UTF-8 text: {_brief(error)}") from error
    try:
        root = loader.get_single_node()
        # construct_document rewrites merge keys in the nodes, which keeps their lines.
        data = None if root is None else loader.construct_document(root)
        json.dumps(data)
        return root, data, loader.repeats
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" line {mark.line + 1}" if mark else ""
        raise InputError(
            f"{path}{line}: {error.problem or error.context}", "correct the YAML there"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: is not usable YAML: {_brief(error)}", "correct the YAML"
        ) from error


def _brief(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return " ".join(str(error).split())[:200]


def line_of(path: Path, *location: str) -> str:
    """A file's name with the line of a key in it, for messages about what was read from it."""
    root, _, _ = _parse(path)
    return _place(path, _line(root, location))


def _place(path: Path, line: int | None) -> str:
    return f"{path} line {line}" if line else str(path)


def _is_consequence(error: Any) -> bool:
    """Whether a list is called too short only for its wrong items, which are told themselves."""
    given = error["input"]
    return (
        error["type"] == "too_short"
        and isinstance(given, list)
        and len(given) >= error["ctx"]["min_length"]
    )


def _together(path: Path, faults: Sequence[_Fault]) -> InputError:
    """All faults of a file in one error; a lone one has its mend below it."""
    shown = [f"{_place(path, fault.line)}: {fault.what}" for fault in faults]
    if len(faults) == 1:
        return InputError(shown[0], faults[0].mend)
    for at, fault in enumerate(faults):
        if fault.mend != _CORRECT:
            shown[at] += f" ({fault.mend})"
    return InputError("\n".join(shown), f"correct these {len(faults)} places")


def _drop_unknown(data: Any, error: ValidationError) -> bool:
    """Take the keys that the schema does not know out of the data; whether there were any."""
    dropped = False
    for one in error.errors():
        if one["type"] not in _UNKNOWN_KEY:
            continue
        *parents, last = _location(one)
        part = data
        for name in parents:
            known = isinstance(part, list) or name in part
            part = part[name] if known else {}
        # What several keys share through an anchor is one thing here.
        if part.pop(last, _ABSENT) is not _ABSENT:
            dropped = True
    return dropped


def _location(error: Any) -> _Location:
    """Where an error is in the file: a part in angle brackets is a union's tag, not a key.

    The last part of an unknown key is that key, whatever it is.
    """
    loc: _Location = error["loc"]
    last = len(loc) - 1 if error["type"] in _UNKNOWN_KEY else None
    return tuple(part for at, part in enumerate(loc) if at == last or not str(part).startswith("<"))


def _fault(root: yaml.Node | None, schema: type[BaseModel], error: Any) -> _Fault:
    location = _location(error)
    if error["type"] == "json_invalid":
        # YAML has escapes for halves of characters, which JSON and UTF-8 have not.
        return _Fault(
            None,
            "holds text that UTF-8 cannot encode",
            "write the characters themselves, not their codes",
        )
    key = ".".join(str(part) for part in location)
    line = _line(root, location)
    if error["type"] in _UNKNOWN_KEY:
        known = sorted(set(_properties(schema, location[:-1], root)))
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        return _Fault(line, f"unknown key '{key}'", f"{hint}known here: {', '.join(known)}")
    if error["type"] in _MISSING_KEY and isinstance(location[-1], str):
        return _Fault(line, f"missing key '{key}'", "add it")
    reason = error["msg"].removeprefix("Value error, ")
    # A check of several keys together begins with the one that it is about.
    line = _line(root, (*location, reason.partition(" ")[0])) or line
    if error["type"] != "misfit" and not reason.startswith("Input should be "):
        reason = reason[:1].lower() + reason[1:]
    given = error["input"]
    shown = "" if isinstance(given, dict | list) else _shorten(given)
    return _Fault(line, f"{key}{unexpected(reason, shown)}" if key else reason, _CORRECT)


def _shorten(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _line(node: yaml.Node | None, location: _Location) -> int | None:
    """The line, from 1, of the deepest part of a location that the file has."""
    line = None if node is None else node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == part]
            if not found:
                break
            line, node = found[-1][0].start_mark.line + 1, found[-1][1]
        elif isinstance(node, yaml.SequenceNode) and part in range(len(node.value)):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _properties(
    schema: type[BaseModel], location: _Location, node: yaml.Node | None
) -> Iterator[str]:
    """The keys that the schema knows at a location, read from its JSON schema.

    An alternative with ``BESIDE`` is left out where the file has other values than it says.
    """
    whole = schema.model_json_schema(by_alias=True)
    level = list(_resolved(whole, whole, {}))
    beside: dict[str, str] = {}
    for part in location:
        children = _children(node)
        beside |= {key: one.value for key, one in children.items() if isinstance(one.value, str)}
        deeper = [
            candidate
            for entry in level
            for inner in _inside(entry, part)
            for candidate in _resolved(whole, inner, beside)
        ]
        # A union's tag is part of a location and of no schema: stay where we are.
        level = deeper or level
        node = children.get(str(part), node)
    for entry in level:
        yield from entry.get("properties", {})


def _inside(entry: dict[str, Any], part: int | str) -> Iterator[dict[str, Any]]:
    """What a JSON schema's entry says of one key or item of the value."""
    if part in entry.get("properties", {}):
        yield entry["properties"][part]
        return
    others = (
        entry.get("additionalProperties"),
        entry.get("items"),
        *entry.get("patternProperties", {}).values(),
    )
    yield from (other for other in others if isinstance(other, dict))


def _children(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """What a node has below it, by key or place."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): value for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return {str(at): value for at, value in enumerate(node.value)}
    return {}


def _resolved(
    whole: dict[str, Any], entry: dict[str, Any], beside: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """A schema entry with its references and alternatives followed."""
    if any(beside.get(key, value) != value for key, value in entry.get(BESIDE, {}).items()):
        return
    if "$ref" in entry:
        name = entry["$ref"].rsplit("/", 1)[-1]
        yield from _resolved(whole, whole["$defs"][name], beside)
    elif alternatives := entry.get("anyOf") or entry.get("oneOf") or entry.get("allOf"):
        for alternative in alternatives:
            yield from _resolved(whole, alternative, beside)
    else:
        yield entry
