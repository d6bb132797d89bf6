"""``loadscope campaign collect``."""

from pathlib import Path

import click

from loadscope.suite.campaign.opened import opened, reached
from loadscope.suite.cli.campaign_carry_out import Telling, conclude, finish_up


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
        trees = finish_up(campaign)
    conclude(folder, trees, as_json, context)
