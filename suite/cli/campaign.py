"""``loadscope campaign``: many tests on many hosts, from a plan to submission trees."""

import importlib

import click

from loadscope.errors import near

_COMMANDS = {
    "plan": "Say what a campaign takes: tests, hosts, hours; start nothing.",
    "start": "Start a campaign, or add to it, and carry it out.",
    "status": "Say how a campaign stands.",
    "resume": "Go on with a campaign, whatever ended it.",
    "cancel": "End a campaign's jobs; what is finished stays.",
    "keys": "Make the keys by which hosts and coordinator know each other.",
    "collect": "Bring what has ended on its hosts, and make the trees again.",
}


class CampaignCommands(click.Group):
    """The sub-commands, each in the module ``campaign_<name>``, imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one; None where there is none."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"loadscope.suite.cli.campaign_{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the one that the first argument names, with near names for a wrong one."""
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"No such command '{args[0]}'. {near(args[0], _COMMANDS)}".rstrip())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group("campaign", cls=CampaignCommands)
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
