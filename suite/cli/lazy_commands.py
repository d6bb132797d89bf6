"""A group of commands that are imported when they are called."""

import importlib
from collections.abc import Mapping
from typing import Any

import click

from loadscope.errors import near


class LazyCommands(click.Group):
    """Sub-commands, each the ``command`` of the module ``<module>_<name>``.

    Args:
        module: What the names of their modules begin with.
        told: What help says of each, by name.
    """

    def __init__(self, *args: Any, module: str, told: Mapping[str, str], **given: Any) -> None:
        super().__init__(*args, **given)
        self._module, self._told = module, told

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(self._told)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one; None where there is none."""
        if cmd_name not in self._told:
            return None
        command: click.Command = importlib.import_module(f"{self._module}_{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the one that the first argument names, with near names for a wrong one."""
        if args and args[0] not in self._told and not args[0].startswith("-"):
            ctx.fail(f"No such command '{args[0]}'. {near(args[0], self._told)}".rstrip())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._told.items()))
