"""YAML files read against a schema, with errors that name file, line, key and mend."""

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from loadscope.errors import InputError

T = TypeVar("T", bound=BaseModel)
_Location = tuple[int | str, ...]
_PLAIN = ("null", "bool", "int", "float", "str", "seq", "map", "merge")
# pydantic's error types; models and dataclasses have different ones.
_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
_MISSING_KEY = ("missing", "missing_argument", "missing_keyword_only_argument")
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """YAML restricted to what JSON can say: no dates, no sets, no key twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's way to declare them)
        first: [pair for pair in pairs if pair[0].removeprefix(_TAG) in _PLAIN]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012
        tag: make
        for tag, make in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(_TAG) in _PLAIN
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Make a dict, refusing a key that is not text or comes twice."""
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.tag == f"{_TAG}merge":
                continue
            if key.tag != f"{_TAG}str":
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be text; put it in quotes", key.start_mark
                )
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' comes twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path, schema: type[T], context: Mapping[str, Any] | None = None) -> T:
    """Read a YAML file that must fit a schema.

    Args:
        path: The file, UTF-8.
        schema: The model; validated strictly, as JSON (text is not taken for a number).
        context: Passed on to the schema's validators.

    Raises:
        InputError: The file cannot be read, is not YAML, or does not fit the schema. The
            message names the file, the line and the key.
    """
    root, data = _parse(path)
    try:
        return schema.model_validate_json(json.dumps(data), strict=True, context=context)
    except ValidationError as error:
        raise _explain(path, root, schema, error) from error


def _parse(path: Path) -> tuple[yaml.Node | None, Any]:
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file", "check the path") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: is not UTF-8 text: {_brief(error)}") from error
    try:
        root = loader.get_single_node()
        # construct_document rewrites merge keys in the nodes, which keeps their lines.
        data = None if root is None else loader.construct_document(root)
        json.dumps(data)
        return root, data
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


def _explain(
    path: Path, root: yaml.Node | None, schema: type[BaseModel], error: ValidationError
) -> InputError:
    errors = error.errors()
    first = errors[0]
    if first["type"] == "json_invalid":
        # YAML has escapes for halves of characters, which JSON and UTF-8 have not.
        return InputError(
            f"{path}: holds text that UTF-8 cannot encode",
            "write the characters themselves, not their codes",
        )
    # A part in angle brackets is a union's tag and stands in no file.
    location: _Location = tuple(part for part in first["loc"] if not str(part).startswith("<"))
    key = ".".join(str(part) for part in location)
    line = _line(root, location)
    where = f"{path}{f' line {line}' if line else ''}: "
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if first["type"] in _UNKNOWN_KEY:
        known = sorted(set(_properties(schema, location[:-1])))
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        return InputError(
            f"{where}unknown key '{key}'{more}", f"{hint}known here: {', '.join(known)}"
        )
    if first["type"] in _MISSING_KEY and isinstance(location[-1], str):
        return InputError(f"{where}the key '{key}' is missing{more}", "add it")
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    given = first["input"]
    shown = "" if isinstance(given, dict | list) else f" = {_shorten(given)}"
    subject = f"{key}{shown}: " if key else ""
    return InputError(f"{where}{subject}{reason}{more}", "correct the value")


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


def _properties(schema: type[BaseModel], location: _Location) -> Iterator[str]:
    """The keys that the schema knows at a location, read from its JSON schema."""
    whole = schema.model_json_schema(by_alias=True)
    level = list(_resolved(whole, whole))
    for part in location:
        deeper = [
            candidate
            for entry in level
            for inner in _inside(entry, part)
            for candidate in _resolved(whole, inner)
        ]
        # A union's tag is part of a location and of no schema: stay where we are.
        level = deeper or level
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


def _resolved(whole: dict[str, Any], entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema entry with its references and alternatives followed."""
    if "$ref" in entry:
        name = entry["$ref"].rsplit("/", 1)[-1]
        yield from _resolved(whole, whole["$defs"][name])
    elif alternatives := entry.get("anyOf") or entry.get("oneOf") or entry.get("allOf"):
        for alternative in alternatives:
            yield from _resolved(whole, alternative)
    else:
        yield entry
