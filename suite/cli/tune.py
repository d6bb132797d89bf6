"""``loadscope tune``: search for the best settings, and leave a script that runs with them."""

import importlib.util
import json
import math
import platform
from pathlib import Path
from typing import Any

import click

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.suite.cli.asked import (
    command_line,
    given_settings,
    read_specs,
    server_bound_option,
)
from loadscope.suite.cli.failure import gone_on_with
from loadscope.suite.cli.progress import progress_bars
from loadscope.units import milliseconds


@click.command("tune")
@click.option("--model", help="Model id; see 'loadscope models'.")
@click.option("--framework", help="See 'loadscope doctor'.")
@click.option("--scenario", multiple=True, help="A scenario to tune; repeat. Default: Offline.")
@click.option("--dataset-path", help="Folder of the data set, or an id of 'loadscope datasets'.")
@click.option("--count", type=int, help="Search with only the first so many samples.")
@server_bound_option
@click.option(
    "--models", multiple=True, type=click.Path(path_type=Path), help="Further manifest; repeat."
)
@click.option(
    "--budget", default="15m", show_default=True, help="Time for all scenarios together, e.g. 1h."
)
@click.option(
    "--trial-duration",
    help="LoadGen's part of a trial; longer for slow models and noisy machines. Default: 3s.",
)
@click.option("--trials", type=click.IntRange(min=1), help="End after so many trials a scenario.")
@click.option(
    "--allow-numerics",
    is_flag=True,
    help="Also try options that change what is computed; their accuracy is measured.",
)
@click.option(
    "--target",
    default=f"{platform.machine().replace('_', '-')}-cpu",
    show_default=True,
    help="Name of this machine's folder of scripts.",
)
@click.option(
    "--script",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the scenario script here. Default: OUTPUT/scenarios/<target>/<model>.yaml.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="New folder for the study, its trials, the page and the script.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, file_okay=False),
    help="Go on with the search in this folder, for another --budget.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def tune_command(
    scenario: tuple[str, ...],
    budget: str,
    trial_duration: str | None,
    trials: int | None,
    allow_numerics: bool,
    target: str,
    script: Path | None,
    output: Path | None,
    resume: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Search workers, threads, instances, batch size, waiting time and the framework's options.

    Every trial is a short LoadGen run in a fresh process; one that falls behind is ended early.
    The default settings are the first trial. The search is stored, can be interrupted and
    resumed, and ends with a scenario script and a page of plots.

    \b
    Example:
      loadscope tune --model efficientnet-lite0 --framework onnxruntime --scenario Offline \\
          --scenario Server --server-target-latency 100ms --dataset-path ~/imagenet \\
          --budget 15m --output tuned
      loadscope run tuned/scenarios/x86-64-cpu/efficientnet-lite0.yaml
    """
    for missing in (
        name for name in ("optuna", "scipy", "sqlalchemy") if not importlib.util.find_spec(name)
    ):
        raise InputError(f"tuning needs {missing}", "pip install 'loadscope[tune]'")
    # 'm' is minutes here; LoadGen's files have no such unit.
    seconds = (
        _time("--budget", budget + "in" if budget.endswith("m") else budget, "15m", 60_000) / 1e3
    )
    # Optuna takes a second to import, and only a search needs it.
    from loadscope.suite.report.tune_page import tune_page
    from loadscope.suite.tune.run import recorded, tune
    from loadscope.suite.tune.trial import TRIAL_MS

    settings = given_settings(options)
    if resume is None:
        if output is None:
            raise InputError("no folder to keep the search in", "add --output FOLDER")
        folder, scenarios = output, list(scenario or (Scenario.OFFLINE,))
        specs = read_specs(None, {**settings, "scenario": scenarios})
        trial_ms = (
            _time("--trial-duration", trial_duration, "3s", 100) if trial_duration else TRIAL_MS
        )
    else:
        if settings or scenario or output or allow_numerics or trial_duration:
            raise InputError(
                "--resume takes its settings from the folder",
                "leave out all but --budget, --trials, --script and --target",
            )
        folder = resume
        asked = recorded(resume)
        specs, allow_numerics, trial_ms = asked.specs, asked.allow_numerics, asked.trial_ms
    click.echo("every trial will be a rehearsal: it is shorter than full length", err=True)
    resumable = gone_on_with("loadscope tune --resume", folder, "tune.json")
    with progress_bars() as progress, resumable:
        result = tune(
            specs,
            folder,
            fresh=resume is None,
            seconds=seconds,
            most=trials,
            allow_numerics=allow_numerics,
            trial_ms=trial_ms,
            script=script or folder / "scenarios" / target / f"{specs[0].model}.yaml",
            command=command_line(),
            progress=progress,
            notice=lambda line: click.echo(line, err=True),
            draw=tune_page,
        )
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    for one in result["scenarios"]:
        click.echo(f"{one['scenario']}: {one['headline']} ({one['trials']} of {one['size']} tried)")
        click.echo("  " + ", ".join(f"{key} {value}" for key, value in one["params"].items()))
        if trials != 1 and one["trials"] == 1 < one["size"]:
            click.echo(
                "  the budget ended with the defaults; go on with "
                f"'loadscope tune --resume {folder} --budget 15m'",
                err=True,
            )
    click.echo(f"script: {result['script']}\npage: {result['page']}")


def _time(option: str, text: str, example: str, least_ms: float) -> float:
    """Read a time; one without a unit is milliseconds, and below ``least_ms`` hardly meant so."""
    try:
        return milliseconds(text, (least_ms, math.inf))
    except ValueError as error:
        raise InputError(f"{option}: {error}", f"for example {option} {example}") from error
