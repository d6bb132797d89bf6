"""``loadscope frameworks``: what models can be run on."""

import json
from typing import Any

import click
from rich.table import Table

from loadscope.suite.cli.complete import frameworks as complete_frameworks
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.sut.description import description, levels_text, state
from loadscope.sut.registry import backend_info, frameworks


@click.command("frameworks")
@click.argument("name", required=False, shell_complete=complete_frameworks)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def frameworks_command(name: str | None, as_json: bool) -> None:
    """List the frameworks: installed or how to install it, and what each can do.

    With NAME all that is known of one. Nothing is imported to tell it; 'loadscope doctor' says
    whether an installation is in order. Behind a trace level stands the predict time at it
    against none, lowest and highest measured.

    \b
    Example:
      loadscope frameworks
      loadscope frameworks onnxruntime
      loadscope frameworks --json
    """
    infos = [backend_info(each) for each in ([name] if name else frameworks())]
    records = [description(info) | state(info) for info in infos]
    if as_json:
        click.echo(json.dumps(records[0] if name else records, indent=2))
    elif name:
        _print_one(records[0])
    else:
        _print_table(records)


def _print_table(records: list[dict[str, Any]]) -> None:
    table = Table("framework", "here", "formats", "devices", "numbers", "traces", "tasks that ran")
    for record in records:
        add_plain_row(
            table,
            record["name"],
            _here(record),
            ", ".join(record["formats"]),
            ", ".join(record["devices"]),
            ", ".join(record["numerics"]),
            levels_text(record["trace_levels"]),
            ", ".join(record["tasks"]),
        )
    print_table(table)
    click.echo("loadscope frameworks NAME: its options, and what its user has to know", err=True)


def _here(record: dict[str, Any]) -> str:
    if not record["installed"]:
        return f"no: {record['install']}"
    return record["version"] or "yes"


def _scenarios(ran: dict[str, Any] | None) -> str:
    """LoadGen's scenarios that ran, and of what; empty where none is known to have."""
    if ran is None:
        return ""
    return f"{', '.join(ran['valid'])} ({ran['model']}, version {ran['version']})"


def _print_one(record: dict[str, Any]) -> None:
    tool = record["quantizer"]
    files = {
        format: f"{format} ({', '.join(record['files'][format])})"
        if format in record["files"]
        else format
        for format in record["formats"]
    }
    options = (
        f"{name} ({' '.join(kind) if isinstance(kind, list) else kind})"
        for name, kind in record["options"].items()
    )
    rows = {
        record["name"]: record["title"],
        "here": _here(record),
        "install": record["install"],
        "formats": ", ".join(files.values()),
        "devices": ", ".join(record["devices"]),
        "numbers": ", ".join(record["numerics"]),
        "options": ", ".join(options),
        "traces": levels_text(record["trace_levels"]),
        "tasks that ran": ", ".join(record["tasks"]),
        "scenarios that ran": _scenarios(record["ran"]),
        "quantises by": tool and f"{tool['tool']}: {tool['install']}",
        "callers": "one a process" if record["one_caller"] else "several",
    }
    width = max(map(len, rows))
    for key, value in rows.items():
        if value:
            click.echo(f"{key:<{width}}  {value}")
    for note in record["notes"]:
        click.echo(f"note: {note}")
