"""The options of the commands that run models, made from the fields of ``RunSpec``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from loadscope.errors import InputError
from loadscope.rundir.spec import RunSpec
from loadscope.rundir.spec_fields import Group, Kind, SpecField, spec_fields
from loadscope.suite.cli.complete import COMPLETIONS, one_of
from loadscope.suite.run.script import LISTS

FIELDS = {field.name: field for field in spec_fields(RunSpec)}

OWN = tuple(name for name, field in FIELDS.items() if field.group is Group.OWN)
"""The fields of a model that has no manifest, and of arrays."""

SEARCHED = (
    "model",
    "framework",
    "dataset_path",
    "count",
    "datasets",
    "models",
    *OWN,
    "scenario",
    "server_target_latency",
    "device",
    "layout",
    "layout_seconds",
)
"""The fields of commands that search for the settings themselves, or measure them."""

_OLD_LATENCY = "--target-latency"

_Command = TypeVar("_Command", bound=Callable[..., Any])


class SpecOption(click.Option):
    """An option of a field, under its heading in the help.

    Attributes:
        group: The heading.
    """

    def __init__(self, declared: list[str], group: Group, **more: Any) -> None:
        super().__init__(declared, **more)
        self.group = group


class SpecCommand(click.Command):
    """A command whose help has the options of a spec under their headings."""

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        """Both names, whoever calls the command: Click keeps those of the first call."""
        return ["-h", "--help"]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a heading each group, the command's own ones last."""
        groups: dict[str, list[tuple[str, str]]] = {group: [] for group in Group}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if record is not None and isinstance(option, click.Option):
                group = option.group if isinstance(option, SpecOption) else "Options"
                groups.setdefault(group, []).append(record)
        for group, records in groups.items():
            if records:
                with formatter.section(group):
                    formatter.write_dl(records)


def spec_options(
    *names: str,
    single: tuple[str, ...] = (),
    required: tuple[str, ...] = (),
    defaults: Mapping[str, str] | None = None,
) -> Callable[[_Command], _Command]:
    """Give a command the options of a spec's fields.

    Args:
        names: The fields, all where none is named.
        single: Of those that may be lists, the ones that have one value here.
        required: The ones that must be given.
        defaults: What the command takes where an option is left out, for the help.
    """
    fields = [FIELDS[name] for name in names or FIELDS]
    both_latencies = {"server_target_latency", "expected_latency"} <= {*(names or FIELDS)}

    def decorate(command: _Command) -> _Command:
        for field in reversed(fields):
            many = field.many or (field.name in LISTS and field.name not in single)
            default = (defaults or {}).get(field.name, field.default)
            written: dict[str, Any] = {
                "multiple": many,
                "metavar": _metavar(field),
                "type": click.Path(path_type=Path) if field.kind is Kind.FILE else str,
                "shell_complete": _completion(field),
            }
            if field.kind is Kind.FLAG:
                written = {"is_flag": True, "default": None}
            command = click.option(
                *_declared(field, both_latencies),
                cls=SpecOption,
                group=field.group,
                required=field.name in required,
                help=_help(field, many, default),
                **written,
            )(command)
        if both_latencies:
            # The name of both latencies before each had its own.
            command = click.option(_OLD_LATENCY, hidden=True)(command)
        return command

    return decorate


def _declared(field: SpecField, both_latencies: bool) -> list[str]:
    declared = [field.option, field.name]
    if field.name == "server_target_latency" and not both_latencies:
        # The old name has one meaning where no other latency can be given.
        declared.insert(1, _OLD_LATENCY)
    return declared


def _metavar(field: SpecField) -> str:
    words = field.choices if field.kind is Kind.INTEGER else ()
    return "|".join([field.kind, *words])


def _help(field: SpecField, many: bool, default: str) -> str:
    notes = [
        ", ".join(field.scenarios),
        f"unit: {field.unit}" if field.unit else "",
        f"one of: {', '.join(field.choices)}" if field.kind is Kind.CHOICE else "",
        "may be repeated" if many else "",
        f"default: {default}" if default else "",
    ]
    said = "; ".join(filter(None, notes))
    return f"{field.help}  [{said}]" if said else field.help


def _completion(field: SpecField) -> Any:
    if field.completes:
        return COMPLETIONS[field.completes]
    return one_of(field.choices) if field.choices else None


def given_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """What of a command's options was given, by the names of ``RunSpec``.

    Raises:
        InputError: An ``--option`` or ``--shape`` is not ``NAME=VALUE``.
    """
    settings = {key: value for key, value in options.items() if value not in (None, ())}
    for key, example in _PAIRS.items():
        if key in settings:
            option = f"--{key.removesuffix('s')}"
            settings[key] = dict(_pair(option, text, example) for text in settings[key])
    return settings


_PAIRS = {"options": "compile=true", "shape": "input_ids=1,128"}
"""The fields that are pairs, with an example of one."""


def _pair(option: str, text: str, example: str) -> tuple[str, Any]:
    """Read ``NAME=VALUE``, the value as in YAML: ``true``, ``4``, ``[a, b]``, or a word."""
    # A name may have an equals sign in it, a value has none.
    name, equals, value = text.rpartition("=")
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        read = None
    if not name or not equals or read is None:
        raise InputError(
            f"{option}: expected NAME=VALUE, got '{text}'", f"for example {option} {example}"
        )
    return name, read
