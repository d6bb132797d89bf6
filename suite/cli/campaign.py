"""``loadscope campaign``: many tests on many hosts, from a plan to submission trees."""

import click

from loadscope.suite.cli.lazy_commands import LazyCommands

_COMMANDS = {
    "plan": "Say what a campaign takes: tests, hosts, hours; start nothing.",
    "start": "Start a campaign, or add to it, and carry it out.",
    "status": "Say how a campaign stands.",
    "resume": "Go on with a campaign, whatever ended it.",
    "cancel": "End a campaign's jobs; what is finished stays.",
    "keys": "Make the keys by which hosts and coordinator know each other.",
    "collect": "Bring what has ended on its hosts, and make the trees again.",
}


@click.group("campaign", cls=LazyCommands, module="loadscope.suite.cli.campaign", told=_COMMANDS)
def campaign_command() -> None:
    """Measure many tests on many hosts, each host alone with its test, unattended for days.

    A campaign is a file of targets (hosts and scenario scripts) and a folder. The folder is its
    state: whatever is killed, resume goes on.

    \b
    Example:
      loadscope campaign plan autumn.yaml
      loadscope campaign start autumn.yaml --folder autumn
      loadscope campaign status autumn
    """
