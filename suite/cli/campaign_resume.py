"""``loadscope campaign resume``."""

from pathlib import Path

import click

from loadscope.suite.campaign.opened import forget_cancel, opened, reopen
from loadscope.suite.cli.campaign_carry_out import carry_out, conclude, wait_seconds


@click.command(
    "resume",
    epilog="\b\nExample:\n  loadscope campaign resume autumn\n"
    "  loadscope campaign resume autumn --again",
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--wait", default="60s", show_default=True, help="How long to wait for hosts at the beginning."
)
@click.option(
    "--again", is_flag=True, help="Try those again, too, that have failed for good or are INVALID."
)
@click.option("--ssh", is_flag=True, help="Start the workers by ssh, as the file says.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.pass_context
def command(
    context: click.Context, folder: Path, wait: str, again: bool, ssh: bool, as_json: bool
) -> None:
    """Go on with a campaign where it is, whatever ended it; nothing runs a second time.

    Tests that still run on their hosts are found there.
    """
    wait_s = wait_seconds(wait)
    with opened(folder) as campaign:
        forget_cancel(campaign)
        if again:
            click.echo(f"{reopen(campaign)} runs are tried again", err=True)
        trees = carry_out(campaign, wait_s, ssh)
    conclude(folder, trees, as_json, context)
