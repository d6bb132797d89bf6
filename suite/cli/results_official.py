"""``loadscope results official``."""

from pathlib import Path
from typing import Any

import click

from loadscope.errors import InputError
from loadscope.suite.cli.results_index import index_option, the_index
from loadscope.suite.cli.results_query import Output, output_options
from loadscope.suite.results.near import COLUMNS, OfficialQuery, like_run, our_row, published
from loadscope.suite.results.one_run import find_run
from loadscope.suite.run.view import load_run


@click.command(
    "official",
    epilog="\b\nExample:\n  loadscope results official --benchmark resnet --scenario Offline "
    "--category edge\n  loadscope results official --like runs/mine --cpu-only",
)
@click.option("--benchmark", default="", help="MLPerf's folder of the benchmark: resnet, bert-99.")
@click.option("--scenario", default="", help="The scenario.")
@click.option("--category", default="", help="edge or datacenter.")
@click.option("--division", default="", help="closed or open.")
@click.option("--round", default="", help="The round: v5.1.")
@click.option("--submitter", default="", help="Who submitted it.")
@click.option("--cpu-only", is_flag=True, help="No systems with accelerators.")
@click.option("--like", metavar="RUN", help="The nearest to this run of ours, which is shown too.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Rows.")
@output_options
@index_option
def command(
    like: str | None,
    as_json: bool,
    csv_file: Path | None,
    parquet_file: Path | None,
    index_file: Path | None,
    **given: Any,
) -> None:
    """Show published results that `results add` has taken in: the fastest, or the nearest to ours.

    Figures, units, division and round are as MLCommons printed them. Ours is unverified, and
    stands above them, not among them. A benchmark is not a system: look at what differs.
    """
    query = OfficialQuery(**given)
    with the_index(index_file) as index:
        if like is None:
            rows = published(index, query)
        else:
            here = Path(like) if Path(like).is_dir() else Path(find_run(index, like)["path"])
            run = load_run(here)
            rows = [our_row(run)]
            asked = like_run(run, query)
            for each in asked:
                try:
                    rows += published(index, each, run)
                except InputError:
                    if each is asked[-1] and len(rows) == 1:
                        raise
    Output(as_json, csv_file, parquet_file).show("results", COLUMNS, rows)
