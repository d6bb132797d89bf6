"""``loadscope results import``."""

from pathlib import Path

import click

from loadscope.suite.cli.results_index import index_option, say, the_index
from loadscope.suite.results.crate import read_crate
from loadscope.suite.results.scan import Tally, source_at, take_in


@click.command(
    "import", epilog="\b\nExample:\n  loadscope results import resnet50.zip --output runs/theirs"
)
@click.argument("crate", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="New folder of the runs."
)
@index_option
def command(crate: Path, output: Path, index_file: Path | None) -> None:
    """Take the runs of CRATE, a folder or zip that `results export` wrote, and index them.

    Their figures are read from their logs again, as those of any run: an altered one is shown so.
    """
    read_crate(crate, output)
    tally = Tally()
    with the_index(index_file, made=True) as index:
        take_in(index, source_at(output), tally)
    for line in tally.problems:
        say(line)
    click.echo(f"{output}: {tally.text}")
