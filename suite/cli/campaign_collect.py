"""``loadscope campaign collect``."""

from pathlib import Path

import click

from loadscope.suite.campaign.opened import opened, reached
from loadscope.suite.cli.campaign_carry_out import Telling, conclude
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.library.campaign_trees import campaign_trees


@click.command("collect", epilog="\b\nExample:\n  loadscope campaign collect autumn")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.pass_context
def command(context: click.Context, folder: Path, as_json: bool) -> None:
    """Bring what has ended on its hosts, begin nothing, and make the submission trees again."""
    with opened(folder) as campaign:
        telling = Telling(len(campaign.board.runs), campaign.board.left)
        if campaign.board.assigned():
            with reached(folder, campaign.file) as dispatcher:
                campaign.collect(dispatcher, telling)
        with progress_bars() as progress:
            trees = campaign_trees(folder, progress)
    conclude(folder, trees, as_json, context)
