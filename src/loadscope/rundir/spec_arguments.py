"""A spec as the command line has it, so that what was asked for anywhere can be repeated there."""

import json
from typing import Any

from loadscope.rundir.spec import RunSpec
from loadscope.rundir.spec_fields import Kind, SpecField, spec_fields


def spec_arguments(spec: RunSpec) -> list[str]:
    """The options that make this spec; what is left at its default is left out."""
    arguments = []
    defaults = {name: field.default for name, field in RunSpec.model_fields.items()}
    for field in spec_fields(RunSpec):
        value = getattr(spec, field.name)
        if value is None or value == defaults[field.name]:
            continue
        if field.kind is Kind.FLAG:
            arguments.append(field.option)
            continue
        for text in _texts(field, value):
            arguments += [field.option, text]
    return arguments


def _texts(field: SpecField, value: Any) -> list[str]:
    if field.kind is Kind.PAIRS:
        return [f"{name}={_plain(one)}" for name, one in value.items()]
    if field.kind is Kind.TIME:
        return [f"{value:g}ms"]
    return [str(one) for one in (value if isinstance(value, tuple) else (value,))]


def _plain(value: Any) -> str:
    """A value as ``NAME=VALUE`` has it; JSON is YAML too."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(one, int) for one in value):
        return ",".join(map(str, value))
    return json.dumps(value)
