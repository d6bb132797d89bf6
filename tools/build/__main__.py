"""The command line of the exporters; ``loadscope fetch`` calls it where a manifest says so."""

import sys
from typing import Any

import click

from loadscope.errors import InputError, LoadScopeError
from loadscope.suite.models.exporters import exporter, exporters
from loadscope.sut.info import named


class _Exporters(click.Group):
    """A command an exporter, imported when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(exporters())

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        command: Any = named(exporter(name).command)
        return command if isinstance(command, click.Command) else None


@click.command(cls=_Exporters)
def build() -> None:
    """Make a model artifact."""


if __name__ == "__main__":
    try:
        build()
    except LoadScopeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
