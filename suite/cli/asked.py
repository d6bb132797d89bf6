"""What the commands that run models have in common: the runs asked for, and where they go."""

import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

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
        run = f"{resolved.model.id} {spec.framework} {spec.scenario}"
        click.echo(f"{run} will be a rehearsal: {'; '.join(reasons)}", err=True)


def say_understood(runs: Iterable[ResolvedRun]) -> None:
    """Say how models' files were understood and samples are loaded, each line once."""
    for line in dict.fromkeys(line for resolved in runs for line in _understood(resolved)):
        click.echo(line, err=True)


def _understood(resolved: ResolvedRun) -> Iterator[str]:
    yield from resolved.assumed
    data = resolved.data
    if data.loaded is not None:
        yield (
            f"{resolved.model.id}: LoadGen draws from {data.loaded:,} of {data.samples:,} samples, "
            "the most of them that a gibibyte holds; performance_sample_count_override in "
            "--user-conf changes it"
        )


def command_line() -> str:
    """The command as it was given."""
    return shlex.join(["loadscope", *sys.argv[1:]])
