"""``loadscope results watch``."""

from pathlib import Path

import click

from loadscope.suite.cli.results_index import index_option, say, the_index
from loadscope.suite.results.opened import watch
from loadscope.suite.results.scan import Tally


@click.command("watch", epilog="\b\nExample:\n  loadscope results watch runs/ --every 10")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--every",
    "seconds",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--times", default=0, help="End after so many looks. Default: with Ctrl-C.")
@index_option
def command(folder: Path, seconds: float, times: int, index_file: Path | None) -> None:
    """Keep the index in step with FOLDER, and say a line whenever something has changed.

    A test that is measured meanwhile is not disturbed: between two looks nothing is done.
    """

    def told(tally: Tally) -> None:
        for line in tally.problems:
            say(line)
        click.echo(tally.text)

    with the_index(index_file, made=True) as index:
        watch(index, folder, told, seconds, times)
