"""``loadscope results list``."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from loadscope.suite.cli.results_index import index_option, the_index
from loadscope.suite.cli.results_query import Output, asked_query, output_options, query_options
from loadscope.suite.results.asking import all_columns, select
from loadscope.suite.results.query import DEFAULT_COLUMNS, Query

_GROUPED = ("n", "median", "mad", "least", "most")


@click.command(
    "list",
    epilog="\b\nExample:\n  loadscope results list --model resnet50 'latency_p99_ms<5' "
    "--sort -value\n  loadscope results list --group framework,machine --full-length",
)
@query_options
@click.option("--sort", help="Columns to sort by; -value is from large to small.")
@click.option("--group", help="Columns whose figures are put together: medians of what counts.")
@click.option("--columns", help="Columns to show; 'all' for every one.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many rows.")
@click.option("--offset", type=click.IntRange(min=0), help="Leave out so many rows before them.")
@output_options
@index_option
def command(
    conditions: tuple[str, ...],
    sort: str | None,
    group: str | None,
    columns: str | None,
    limit: int | None,
    offset: int | None,
    as_json: bool,
    csv_file: Path | None,
    parquet_file: Path | None,
    index_file: Path | None,
    **given: Any,
) -> None:
    """List runs, one a row, by CONDITIONS such as model=resnet50 or 'latency_p99_ms<5'.

    Runs that are hidden are left out (hidden=true shows them), and of several copies of a run one
    is shown. Every result is unverified.
    """
    query = asked_query(conditions, given)
    everything = columns == "all"
    shown = {
        "sort": sort,
        "group": group,
        "columns": None if everything else columns,
        "limit": limit,
        "offset": offset,
    }
    words = [f"{key}={value}" for key, value in shown.items() if value]
    query = Query.parse([*query.words, *words])
    names = all_columns() if everything else query.columns or DEFAULT_COLUMNS
    if query.group:
        names = tuple(dict.fromkeys((*query.group, "unit", "full-length", *_GROUPED)))
    else:
        query = replace(query, columns=names)
    with the_index(index_file) as index:
        Output(as_json, csv_file, parquet_file).show("runs", names, select(index, query))
