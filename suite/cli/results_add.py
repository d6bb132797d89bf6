"""``loadscope results add``."""

import json
from pathlib import Path

import click

from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.submission.rounds import rounds
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.results_index import index_option, say, the_index
from loadscope.suite.results.checks import shared_names
from loadscope.suite.results.scan import Tally, source_at, take_in


@click.command("add", epilog="\b\nExample:\n  loadscope results add runs/ old-runs.tar.gz")
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATHS...", type=click.Path(path_type=Path)
)
@click.option(
    "--round",
    "named",
    type=click.Choice(rounds()),
    help="Round of a tree of published results whose folder's name does not tell it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@index_option
def command(
    paths: tuple[Path, ...], named: str | None, as_json: bool, index_file: Path | None
) -> None:
    """Take PATHS into the index.

    They are run directories, folders of them at any depth, archives of them (tar, zip),
    submissions, MLCommons' summary_results.json, and trees of published results.

    What was taken in before is read again only where it has changed, and what is gone is taken
    out. A run that another process writes is passed over until it is finished. What is damaged is
    named; the rest goes on.
    """
    tally, failures = Tally(), []
    with the_index(index_file, made=True) as index:
        for path in paths:
            try:
                with progress_bars() as progress:
                    take_in(index, source_at(path, named or ""), tally, progress)
            except LoadScopeError as error:
                failures.append(error)
                if len(paths) > 1:
                    say(f"loadscope: {error}")
        warnings = shared_names(index)
    if as_json:
        click.echo(json.dumps({**tally.record(), "warnings": warnings}, indent=2))
    else:
        for line in [*tally.problems, *warnings]:
            say(line)
        click.echo(f"{index.path}: {tally.text}")
    if not failures and tally == Tally():
        raise InputError(
            f"no run (a folder with run.json) in {', '.join(map(str, paths))}",
            "give the folder that loadscope run wrote, or one above it",
        )
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise WorkError(f"{len(failures)} of {len(paths)} paths could not be taken in", "see above")
