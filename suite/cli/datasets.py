"""``loadscope datasets``: what models can be run on."""

import json

import click
from rich.table import Table

from loadscope.datasets.catalog import catalog
from loadscope.paths import cache_location
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.fetch import dataset_folder, dataset_in_cache


@click.command("datasets")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array on standard output.")
def datasets_command(as_json: bool) -> None:
    """List the data sets, whether they are here, and how to get them.

    \b
    Example:
      loadscope datasets
    """
    cache = cache_location()
    records = []
    for name, entry in catalog().items():
        here = dataset_in_cache(name, cache)
        path = str(dataset_folder(name, cache)) if here else None
        records.append({"id": name, **entry.model_dump(mode="json"), "here": here, "path": path})
    if as_json:
        click.echo(json.dumps(records, indent=2))
        return
    table = Table("data set", "title", "samples", "licence", "here", "how to get it")
    for record in records:
        add_plain_row(
            table,
            record["id"],
            record["title"],
            f"{record['samples']:,}",
            record["licence"],
            "yes" if record["here"] else "no",
            record["path"] or record["obtain"],
        )
    print_table(table)
