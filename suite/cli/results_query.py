"""The options by which the commands on the index take a query, and show what they found."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.table import Table

from loadscope.quantities import number
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.report.export import Row
from loadscope.suite.results.query import Query
from loadscope.suite.results.tables import write_csv, write_parquet

_Function = TypeVar("_Function", bound=Callable[..., Any])
_FILTERS = {
    "model": "Of this model; repeat for several.",
    "framework": "On this framework; repeat for several.",
    "system": "On the system of this digest, or its first letters.",
    "scenario": "In this scenario; repeat for several.",
    "machine": "On the machine of this name or id.",
}
_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


def query_options(function: _Function) -> _Function:
    """Conditions as options, and as words: ``latency_p99_ms<5``."""
    for key, said in reversed(_FILTERS.items()):
        function = click.option(f"--{key}", f"ask_{key}", multiple=True, help=said)(function)
    for name, said in (
        ("--since", "From this day on: 2026-11-01."),
        ("--until", "Until this day."),
    ):
        function = click.option(name, f"ask_{name[2:]}", metavar="DATE", help=said)(function)
    flag = click.option("--valid", "ask_valid", is_flag=True, help="Only results that are valid.")
    full = click.option("--full-length", "ask_full", is_flag=True, help="No rehearsals.")
    return click.argument("conditions", nargs=-1, metavar="[CONDITIONS]...")(full(flag(function)))


def asked_query(conditions: tuple[str, ...], given: dict[str, Any]) -> Query:
    """The query of the options; those that are taken are removed from ``given``.

    Raises:
        InputError: A condition is unknown or bad.
    """
    words = list(conditions)
    for key in _FILTERS:
        values = given.pop(f"ask_{key}")
        words += [f"{key}={','.join(values)}"] if values else []
    for key in ("since", "until"):
        value = given.pop(f"ask_{key}")
        words += [f"{key}={value}"] if value else []
    words += ["valid=true"] if given.pop("ask_valid") else []
    words += ["full-length=true"] if given.pop("ask_full") else []
    return Query.parse(words)


@dataclass(frozen=True)
class Output:
    """Where rows go, as the options say.

    Attributes:
        as_json: To standard output as JSON.
        csv_file, parquet_file: To a file.
    """

    as_json: bool
    csv_file: Path | None
    parquet_file: Path | None

    def show(self, key: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
        """Show rows.

        Args:
            key: What they are called in JSON.
            columns: Their columns.
            rows: They.
        """
        if self.csv_file is not None:
            write_csv(self.csv_file, columns, rows)
        elif self.parquet_file is not None:
            write_parquet(self.parquet_file, columns, rows)
        elif self.as_json:
            click.echo(json.dumps({key: list(rows)}, indent=2))
        else:
            table = Table(*columns)
            for row in rows:
                add_plain_row(table, *(cell(row.get(name)) for name in columns))
            print_table(table)
            if not table.row_count:
                click.echo("nothing is that; loadscope results list shows what there is", err=True)


def output_options(function: _Function) -> _Function:
    """``--json``, ``--csv FILE`` and ``--parquet FILE``."""
    function = click.option(
        "--parquet", "parquet_file", type=_FILE, help="Write the rows as Parquet here."
    )(function)
    function = click.option(
        "--csv", "csv_file", type=_FILE, help="Write the rows as CSV here; - is standard output."
    )(function)
    return click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")(function)


def cell(value: Any) -> str:
    """A value as a table for people has it."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, float) else str(value)
