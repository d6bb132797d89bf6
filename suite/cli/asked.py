"""What the commands that run models have in common: their options, and where runs go."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import yaml

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.rundir.spec import RunSpec
from loadscope.suite.run.resolve import ResolvedRun
from loadscope.suite.run.script import expand, read_script
from loadscope.sut.registry import frameworks

COMMAND_LINE = "command line"
"""Where settings come from that were given as options, for errors."""

_MODEL_OPTIONS = (
    click.option(
        "--model", multiple=True, help="Model id; see 'loadscope models'. Repeat for several."
    ),
    click.option(
        "--framework",
        multiple=True,
        help=f"{', '.join(frameworks())}; see 'loadscope doctor'. Repeat for several.",
    ),
    click.option(
        "--scenario",
        multiple=True,
        help=f"{', '.join(Scenario)}. Repeat for several; every combination is a run.",
    ),
    click.option(
        "--dataset-path",
        help="Folder of the data set (ImageNet: val/ and val_map.txt; COCO: val2017/ and "
        "annotations/; SQuAD: dev-v1.1.json), or an id of 'loadscope datasets'.",
    ),
    click.option("--count", type=int, help="Use only the first so many samples."),
    click.option("--target-qps", type=float, help="Server's rate; Offline's expected rate."),
    click.option(
        "--server-target-latency", help="Server's bound, e.g. 15ms. Default: the round's."
    ),
    click.option(
        "--expected-latency",
        help="What SingleStream and MultiStream are expected to take, e.g. 2ms; LoadGen draws up "
        "its queries by it. Default: calibrated.",
    ),
    # The name of both before each had its own.
    click.option("--target-latency", hidden=True),
    click.option("--batch-size", type=int, help="Most samples in a batch."),
    click.option("--workers", type=int, help="Batches in flight at once (Offline, Server)."),
    click.option("--threads", type=int, help="The framework's own threads for each batch."),
    click.option("--max-wait", help="Longest wait of Server to fill a batch, e.g. 2ms."),
    click.option(
        "--late",
        help="Server's samples that cannot keep the bound any more: answered 'last', when nothing "
        "else waits (the default), or 'in-turn'.",
    ),
    click.option(
        "--option",
        "options",
        multiple=True,
        metavar="NAME=VALUE",
        help="Setting of the framework's backend, e.g. compile=true; repeat. One that changes "
        "numerics (dtype=bfloat16) stands in the result's name.",
    ),
    click.option(
        "--user-conf", type=click.Path(path_type=Path), help="LoadGen user.conf to start from."
    ),
    click.option(
        "--models", multiple=True, type=click.Path(path_type=Path), help="Further manifest; repeat."
    ),
)


server_bound_option = click.option(
    "--server-target-latency",
    # The old name has one meaning where no other latency can be given.
    "--target-latency",
    "server_target_latency",
    help="Server's bound, e.g. 15ms. Default: the round's.",
)
"""For commands that measure the other scenarios' expected latencies themselves."""


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what runs, on what, and how."""
    for option in reversed(_MODEL_OPTIONS):
        command = option(command)
    return command


def given_settings(options: dict[str, Any]) -> dict[str, Any]:
    """What of a command's options was given, by the names of ``RunSpec``.

    Raises:
        InputError: An ``--option`` is not ``NAME=VALUE``.
    """
    settings = {key: value for key, value in options.items() if value not in (None, ())}
    if "options" in settings:
        settings["options"] = dict(map(_option, settings["options"]))
    return settings


def _option(text: str) -> tuple[str, Any]:
    """Read ``NAME=VALUE``, the value as in YAML: ``true``, ``4``, ``[a, b]``, or a word."""
    name, equals, value = text.partition("=")
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        read = None
    if not name or not equals or read is None:
        raise InputError(f"--option {text}: not NAME=VALUE", "for example --option compile=true")
    return name, read


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


def command_line() -> str:
    """The command as it was given."""
    return shlex.join(["loadscope", *sys.argv[1:]])
