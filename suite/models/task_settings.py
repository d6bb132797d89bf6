"""``preprocess`` and ``postprocess`` of a manifest, validated by the task that the entry names."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    Discriminator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializationInfo,
    Tag,
    TypeAdapter,
    ValidationInfo,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from loadscope.datasets.registry import task
from loadscope.strict_yaml import BESIDE
from loadscope.suite.models.source import resolved

_Part = Literal["preprocess", "postprocess"]
_T = TypeVar("_T")
_seen: set[str] = set()
"""The tasks whose settings were validated here; messages tell of their keys."""


class _Settings:
    """The type of a field that holds settings of the task in the field ``task`` before it.

    Where there is no such field, ``own_settings`` validates what the field holds.
    """

    def __init__(self, part: _Part) -> None:
        self._part = part

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(_dump, info_arg=True),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        known = {name: _adapter(name, self._part).core_schema for name in sorted(_seen)}
        return {
            "anyOf": [
                {"allOf": [handler(one)], BESIDE: {"task": name}} for name, one in known.items()
            ]
        }

    def _validate(self, value: Any, info: ValidationInfo) -> Any:
        name = info.data.get("task")
        if name is None:
            return value
        _seen.add(name)
        return _validated(_adapter(name, self._part), value, info)


Preprocess = Annotated[Any, _Settings("preprocess")]
"""What may stand under ``preprocess``: the ``preprocess_type`` of the task."""
Postprocess = Annotated[Any, _Settings("postprocess")]
"""What may stand under ``postprocess``: the ``postprocess_type`` of the task."""


Own = Mapping[str, Any]
"""Settings that an artifact has instead of the model's, under ``preprocess``, ``postprocess``."""


def own_settings(name: str, given: Mapping[str, Own], info: ValidationInfo) -> dict[str, Own]:
    """Validate the settings of several artifacts of a model.

    Args:
        name: The model's task.
        given: By artifact, as they stand in the manifest.
        info: Of the validator of the artifacts, below whose place faults are told.

    Raises:
        ValidationError: They are not those of the task.
    """
    found = _validated(_own_adapter(name), given, info)
    return {
        artifact: {part: getattr(own, part) for part in own.model_fields_set}
        for artifact, own in found.items()
    }


def _validated(adapter: TypeAdapter[_T], value: Any, info: ValidationInfo) -> _T:
    if info.mode == "json":
        # As strict as the file around it: text is not taken for a number, lists are tuples.
        return adapter.validate_json(json.dumps(value), strict=True, context=info.context)
    return adapter.validate_python(value, context=info.context)


@cache
def _adapter(name: str, part: _Part) -> TypeAdapter[Any]:
    return TypeAdapter(_type(name, part))


@cache
def _own_adapter(name: str) -> TypeAdapter[dict[str, BaseModel]]:
    preprocess, postprocess = (_type(name, part) for part in get_args(_Part))
    own = create_model("Own", preprocess=(preprocess, None), postprocess=(postprocess, None))
    return TypeAdapter(dict[str, own])  # type: ignore[valid-type]  # made for the task


def _type(name: str, part: _Part) -> Any:
    """What pydantic makes of a task's declaration."""
    kind = task(name)
    if part == "preprocess":
        return Annotated[_union(kind.preprocess_type), AfterValidator(partial(_with_sources, name))]
    return _union(kind.postprocess_type)


def _with_sources(name: str, given: Any, info: ValidationInfo) -> Any:
    """Check the sources of the files that settings name as an artifact's is."""
    folder = (info.context or {}).get("folder")
    for needed in task(name).files(given):
        if getattr(given, needed.place) and folder is not None:
            raise ValueError(
                f"{needed.place} is for the suite to fill in; name the source under {needed.key}"
            )
        source = resolved(needed.source, folder)
        if not needed.sha256 and not source.startswith("file:"):
            raise ValueError(f"{needed.checksum} is missing; a file on this machine does without")
        given = replace(given, **{needed.key: source})
    return given


def _union(expected: Any) -> Any:
    """A union with its members told apart by their ``kind``; anything else as it is."""
    if not isinstance(expected, UnionType):
        return expected
    by_kind = {kind: member for member in get_args(expected) for kind in _kinds(member)}

    def tag(value: Any) -> str | None:
        given = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
        member = by_kind.get(str(given.get("kind")))
        return None if member is None else _tag(member)

    # Tags stand in angle brackets, by which messages leave them out of a key.
    tagged: Any = Union[tuple(Annotated[one, Tag(_tag(one))] for one in get_args(expected))]  # noqa: UP007
    message = f"kind must be one of: {', '.join(by_kind)}"
    return Annotated[
        tagged, Discriminator(tag, custom_error_type="misfit", custom_error_message=message)
    ]


def _kinds(member: type[Any]) -> tuple[str, ...]:
    hint = get_type_hints(member)["kind"]
    if get_origin(hint) is not Literal:
        raise TypeError(f"{member.__name__}.kind is not a Literal")
    return get_args(hint)


def _tag(member: type[Any]) -> str:
    return f"<{member.__name__}>"


def _dump(value: Any, info: SerializationInfo) -> Any:
    if value is None:
        return None
    # A dataclass of the task, which pydantic knows by its type alone.
    return TypeAdapter[Any](type(value)).dump_python(
        value,
        mode="json" if info.mode_is_json() else "python",
        exclude_defaults=info.exclude_defaults,
        exclude_none=info.exclude_none,
    )
