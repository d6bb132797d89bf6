"""``loadscope campaign start``."""

from pathlib import Path

import click

from loadscope.suite.campaign.estimate import History, estimates, plan_json
from loadscope.suite.campaign.opened import begin, forget_cancel, opened
from loadscope.suite.cli.campaign_carry_out import carry_out, conclude, wait_seconds
from loadscope.suite.cli.campaign_plan import show_plan


@click.command(
    "start",
    epilog="\b\nExample:\n  loadscope campaign start autumn.yaml\n"
    "  loadscope campaign start autumn.yaml --folder autumn --wait 10min",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Takes the campaign. Default: the file's name without .yaml, here.",
)
@click.option(
    "--wait", default="60s", show_default=True, help="How long to wait for hosts at the beginning."
)
@click.option("--ssh", is_flag=True, help="Start the workers by ssh, as the file says.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.pass_context
def command(
    context: click.Context, file: Path, folder: Path | None, wait: str, ssh: bool, as_json: bool
) -> None:
    """Start a campaign and carry it out; started again, it goes on and takes additions.

    The plan is shown first. Nothing runs before every host that answers is what the campaign
    wants: versions, clock, space. Ctrl-C or a crash ends this process alone; what runs on the
    hosts goes on there, and 'campaign resume' finds it.
    """
    wait_s = wait_seconds(wait)
    folder = folder or Path(file.stem)
    added = begin(file, folder)
    with opened(folder) as campaign:
        forget_cancel(campaign)
        if not as_json:
            planned = campaign.board.planned
            times = estimates(planned, History((Path("runs"), folder / "runs")))
            show_plan(plan_json(planned, times, campaign.file.name))
        if 0 < added < len(campaign.board.runs):
            click.echo(f"{added} runs were added", err=True)
        trees = carry_out(campaign, wait_s, ssh)
    conclude(folder, trees, as_json, context)
