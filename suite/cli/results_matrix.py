"""``loadscope results matrix``."""

from pathlib import Path
from typing import Any

import click

from loadscope.suite.cli.results_index import index_option, say, the_index
from loadscope.suite.cli.results_query import (
    Output,
    asked_query,
    cell,
    output_options,
    query_options,
)
from loadscope.suite.report.export import Row
from loadscope.suite.results.asking import left_out, matrix

_PARTS = (" n", " mad", " configurations")


@click.command(
    "matrix", epilog="\b\nExample:\n  loadscope results matrix --scenario Offline --full-length"
)
@query_options
@output_options
@index_option
def command(
    conditions: tuple[str, ...],
    as_json: bool,
    csv_file: Path | None,
    parquet_file: Path | None,
    index_file: Path | None,
    **given: Any,
) -> None:
    """Show models by frameworks: the median of valid, quiet tests, and how far they vary.

    Of several configurations (batch sizes, threads) it is the best one. Rehearsals have rows of
    their own and stand in no ranking with full length. Every result is unverified.
    """
    query = asked_query(conditions, given)
    with the_index(index_file) as index:
        rows, noisy = matrix(index, query), left_out(index, query)
    output = Output(as_json, csv_file, parquet_file)
    if not (as_json or csv_file or parquet_file):
        rows = [_short(row) for row in rows]
    columns = tuple(rows[0]) if rows else ("model", "scenario", "machine")
    if rows or as_json or csv_file or parquet_file or not noisy:
        output.show("matrix", columns, rows)
    if noisy:
        say(f"left out as noisy: {noisy:,}; loadscope results list noisy=true shows them")


def _short(row: Row) -> Row:
    """A cell for people: ``180.3 ± 1.2 (n 5)``."""
    shown: Row = {}
    for name, value in row.items():
        if name == "system" or name.endswith(_PARTS):
            continue
        count = row.get(f"{name} n")
        if value is not None and count:
            spread = cell(float(row[f"{name} mad"] or 0))
            shown[name] = f"{cell(value)} ± {spread} (n {count})"
        else:
            shown[name] = value
    return shown
