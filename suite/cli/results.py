"""``loadscope results``: an index over all runs, and what can be asked of it."""

import importlib

import click

from loadscope.errors import near

_COMMANDS = {
    "add": "Take run directories, archives or published results into the index.",
    "check": "Hold runs against a baseline: a gate for continuous integration.",
    "export": "Export runs as an RO-Crate, Parquet or CSV.",
    "history": "Show series over time: level, noise, and where it changed.",
    "import": "Take the runs of a crate back.",
    "list": "List runs by conditions.",
    "mark": "Say of a run: baseline, hide, comment.",
    "matrix": "Show models by frameworks: medians and how far they vary.",
    "official": "Show published results, and the nearest to a run.",
    "rebuild": "Make the index again from its sources.",
    "show": "Show all that is known of a run.",
    "watch": "Keep the index in step with a folder that grows.",
}


class ResultsCommands(click.Group):
    """The sub-commands, each in the module ``results_<name>``, imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one; None where there is none."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"loadscope.suite.cli.results_{cmd_name}")
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


@click.group("results", cls=ResultsCommands)
def results_command() -> None:
    """Keep an index over run directories, and ask it.

    The run directories stay the source of truth: the index can be deleted at any time.

    \b
    Example:
      loadscope results add runs/
      loadscope results list --model resnet50 --scenario Offline --sort -value
    """
