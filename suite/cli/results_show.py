"""``loadscope results show``."""

import json
from pathlib import Path

import click
from rich.table import Table

from loadscope.suite.cli.results_index import index_option, the_index
from loadscope.suite.cli.results_query import cell
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.results.one_run import run_facts


@click.command("show", epilog="\b\nExample:\n  loadscope results show 3f2a")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@index_option
def command(run: str, as_json: bool, index_file: Path | None) -> None:
    """Show all that the index holds of RUN: a folder, or the first letters of its identity."""
    with the_index(index_file) as index:
        facts = run_facts(index, run)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    table = Table("", "")
    for name, value in facts.items():
        for key, one in value.items() if isinstance(value, dict) else (("", value),):
            add_plain_row(table, f"{name} {key}".strip(), _said(one))
    print_table(table)


def _said(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(map(str, value)) or "\N{EN DASH}"
    return json.dumps(value) if isinstance(value, dict) else cell(value)
