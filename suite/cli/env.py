"""``loadscope env``: the environments of frameworks that need a Python of their own."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from loadscope.errors import InputError, near
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.fetch.environments import (
    create_environment,
    environments,
    remove_environment,
    with_interpreter,
)
from loadscope.sut.info import BackendInfo
from loadscope.sut.interpreter.declared import Interpreter
from loadscope.sut.interpreter.find import environment_folder


@click.group("env")
def env_command() -> None:
    """Make, list and remove the environments of frameworks that need a Python of their own.

    Such a framework runs in a process of that Python, and LoadGen in this one. The Python is
    yours: LOADSCOPE_PYTHON_<NAME> names one that has the framework, or 'create' makes an
    environment in LoadScope's cache from packages pinned by LoadScope.

    \b
    Example:
      loadscope env list
      loadscope env create executorch --python /usr/bin/python3.11
    """


@env_command.command("create")
@click.argument("name")
@click.option(
    "--python",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The Python to make it of; left out, one is looked for on PATH and among pyenv's.",
)
def create_command(name: str, python: Path | None) -> None:
    """Make the environment of the framework NAME; one that is there and in order stays.

    \b
    Example:
      loadscope env create caffe2
      loadscope env create caffe2 --python ~/.pyenv/versions/3.7.17/bin/python
    """
    info, interpreter = _known(name)
    with progress_bars() as progress:
        made = create_environment(info, interpreter, python, progress)
    version = f" {info.version()}" if info.version() else ""
    said = "made" if made else "already there"
    click.echo(f"{info.title}{version}: {said}: {environment_folder(name)}")


@env_command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array on standard output.")
def list_command(as_json: bool) -> None:
    """List the frameworks that need a Python of their own, and whether they have it.

    \b
    Example:
      loadscope env list --json
    """
    found = environments()
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    table = Table("name", "needs Python", "state", "version", "what is used", "to mend it")
    for one in found:
        add_plain_row(
            table, one.name, one.wanted, one.state, one.version, one.python or one.detail, one.fix
        )
    print_table(table)


@env_command.command("remove")
@click.argument("name")
def remove_command(name: str) -> None:
    """Remove the environment of the framework NAME.

    \b
    Example:
      loadscope env remove executorch
    """
    info, _ = _known(name)
    remove_environment(info)
    click.echo(f"{info.title}: removed: {environment_folder(name)}")


def _known(name: str) -> tuple[BackendInfo, Interpreter]:
    known = {info.name: (info, interpreter) for info, interpreter in with_interpreter()}
    if name not in known:
        raise InputError(
            f"no framework '{name}' has an environment of its own",
            f"{near(name, known)}use one of: {', '.join(known)}; the others are installed with pip",
        )
    return known[name]
