"""``loadscope results export``."""

from pathlib import Path
from typing import Any

import click

from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.results_index import index_option, the_index
from loadscope.suite.cli.results_query import asked_query, query_options
from loadscope.suite.results.asking import all_columns, paths_of, select
from loadscope.suite.results.crate import write_crate
from loadscope.suite.results.query import Query
from loadscope.suite.results.tables import write_csv, write_parquet


@click.command(
    "export",
    epilog="\b\nExample:\n  loadscope results export --model resnet50 --format rocrate "
    "--output resnet50.zip",
)
@query_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["rocrate", "parquet", "csv"]),
    default="rocrate",
    show_default=True,
    help="A crate holds the runs themselves; the others are a table of them.",
)
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Where to.")
@index_option
def command(
    conditions: tuple[str, ...],
    form: str,
    output: Path,
    index_file: Path | None,
    **given: Any,
) -> None:
    """Export the runs that CONDITIONS choose, for an archive or a paper.

    An RO-Crate (a folder, or a .zip) has the run directories, figures, system, software versions,
    digests of model and data, licences and the command to repeat each; `results import` takes it
    back.
    """
    query = asked_query(conditions, given)
    with the_index(index_file) as index:
        if form == "rocrate":
            with progress_bars() as progress:
                described = f"Runs of LoadScope: {query.text or 'all'}"
                write_crate(output, paths_of(index, query), described, progress)
        else:
            columns = all_columns()
            rows = select(index, Query(query.terms, query.sort, columns))
            (write_csv if form == "csv" else write_parquet)(output, columns, rows)
    click.echo(f"{form}: {output}")
