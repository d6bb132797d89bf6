"""``loadscope results rebuild``."""

import json
from pathlib import Path

import click

from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.results_index import index_option, say, the_index
from loadscope.suite.results.opened import rebuild


@click.command("rebuild", epilog="\b\nExample:\n  loadscope results rebuild")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@index_option
def command(as_json: bool, index_file: Path | None) -> None:
    """Make the index again from all its sources, beside the old one, and then take its place.

    It is the same as what `results add` keeps in step; use it where you doubt that.
    """
    with the_index(index_file) as index, progress_bars() as progress:
        tally = rebuild(index, progress)
    if as_json:
        click.echo(json.dumps(tally.record(), indent=2))
        return
    for line in tally.problems:
        say(line)
    click.echo(f"{index.path}: {tally.text}")
