"""``loadscope campaign cancel``."""

from pathlib import Path

import click

from loadscope.errors import InputError
from loadscope.suite.campaign.grid import read_campaign
from loadscope.suite.campaign.opened import opened, reached, request_cancel
from loadscope.suite.cli.campaign_carry_out import Telling


@click.command("cancel", epilog="\b\nExample:\n  loadscope campaign cancel autumn")
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """End a campaign's jobs on their hosts; what is finished stays, and resume goes on.

    Where another process carries the campaign out, that one ends them, and then itself.
    """
    if not read_campaign(folder)[1].left:
        click.echo("nothing to cancel: every run has ended")
        return
    request_cancel(folder)
    try:
        with opened(folder) as campaign:
            telling = Telling(len(campaign.board.runs), campaign.board.left)
            if campaign.board.assigned():
                with reached(folder, campaign.file) as dispatcher:
                    campaign.carry_out(dispatcher, telling)
            left = [state.host for state in campaign.board.assigned()]
    except InputError as error:
        if "another process" not in error.message:
            raise
        click.echo("cancelled; the process that carries it out ends its jobs")
        return
    if left:
        click.echo(f"cancelled, but {', '.join(map(str, left))} gave no answer: repeat it later")
        return
    click.echo(f"cancelled; go on with loadscope campaign resume {folder}")
