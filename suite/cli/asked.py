"""What the commands that run models have in common: the runs asked for, and where they go."""

import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from loadscope.errors import InputError
from loadscope.rundir.spec import RunSpec
from loadscope.suite.run.resolve import ResolvedRun
from loadscope.suite.run.script import expand, read_script

COMMAND_LINE = "command line"
"""Where settings come from that were given as options, for errors."""


def read_specs(script: Path | None, settings: dict[str, Any]) -> list[RunSpec]:
    """The runs that options and a scenario script ask for, one a combination."""
    if script is None:
        return expand({}, [{}], settings, COMMAND_LINE)
    return read_script(script, settings)


def say_rehearsal(resolved: ResolvedRun) -> None:
    """Say before a run starts that it cannot stand in a submission, and why."""
    spec, reasons = resolved.spec, resolved.rehearsal
    if reasons:
        run = f"{spec.model} {spec.framework} {spec.scenario}"
        click.echo(f"{run} will be a rehearsal: {'; '.join(reasons)}", err=True)


def new_folder(parent: Path, spec: RunSpec, numerics: str) -> Path:
    """Make a folder for a run; numbered if another run begins in the same second."""
    system = "-".join(filter(None, [spec.framework, numerics]))
    name = f"{datetime.now():%Y%m%d-%H%M%S}-{spec.model}-{system}-{spec.scenario}"
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            raise InputError(
                f"cannot make {folder}: {error.strerror}", "choose another --output"
            ) from error


def command_line() -> str:
    """The command as it was given."""
    return shlex.join(["loadscope", *sys.argv[1:]])
