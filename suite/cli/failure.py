"""Errors on the command line: lines for people on standard error, and an object for programs."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from loadscope.errors import InputError, LoadScopeError

WORK_FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in work that can be gone on with.

    Args:
        command: The command that does; empty where nothing has begun.
        unstarted: What was still to be begun, for people.
    """

    def __init__(self, command: str, unstarted: str = "") -> None:
        super().__init__(command)
        self.command = command
        self.unstarted = unstarted


@contextmanager
def gone_on_with(command: str, folder: Path, *signs: str) -> Iterator[None]:
    """Name the command that goes on with what Ctrl-C interrupts.

    Args:
        command: It, without the folder.
        folder: The folder of the work.
        signs: Files of which one is there as soon as there is something to go on with.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        if any((folder / name).exists() for name in signs):
            raise Interrupted(f"{command} {shlex.quote(str(folder))}") from error
        raise


def status_of(error: LoadScopeError) -> int:
    """The exit status of an error."""
    return BAD_INPUT if isinstance(error, InputError) else WORK_FAILED


def error_record(message: str, fix: str, status: int) -> dict[str, Any]:
    """What ``--json`` prints of an error, as the value of ``error``."""
    return {"message": message, "fix": fix, "status": status}


def say(message: str, fix: str = "") -> None:
    """Tell people of an error, in one or two lines."""
    click.echo(f"loadscope: {LoadScopeError(message, fix)}", err=True)


def finish(record: dict[str, Any], failure: LoadScopeError | None, context: click.Context) -> None:
    """Print the one JSON object of work that may have failed in part, and end with its status.

    Args:
        record: The object; ``error`` is added where something failed.
        failure: What failed.
        context: The command's.
    """
    if failure is None:
        click.echo(json.dumps(record, indent=2))
        return
    status = status_of(failure)
    error = error_record(failure.message, failure.fix, status)
    click.echo(json.dumps({**record, "error": error}, indent=2))
    say(failure.message, failure.fix)
    context.exit(status)
