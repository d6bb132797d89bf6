"""``loadscope plan``: user.conf for every scenario, and the hours of a campaign."""

import json
import tempfile
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.table import Table

from loadscope.errors import InputError
from loadscope.files import write_json, write_text
from loadscope.names import Scenario
from loadscope.suite.campaign.hours import plan_record
from loadscope.suite.cli.asked import command_line, read_specs
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.spec_options import (
    SEARCHED,
    SpecCommand,
    given_settings,
    spec_options,
)
from loadscope.suite.cli.tables import add_plain_row, print_table


@click.command("plan", cls=SpecCommand)
@spec_options(
    *SEARCHED,
    single=("model", "framework"),
    required=("model", "framework"),
    defaults={"scenario": "all four"},
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="New folder for user.conf, plan.json and the calibrations.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def plan_command(
    scenario: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Predict what a full campaign of a model on this machine needs.

    A few seconds of each scenario under LoadGen give its target for user.conf, and the time of
    every test at full length: performance, accuracy and the round's compliance tests.

    \b
    Example:
      loadscope plan --model efficientnet-lite0 --framework onnxruntime \\
          --dataset-path ~/imagenet --count 500 --output plan
      loadscope run --model efficientnet-lite0 --framework onnxruntime --scenario Server \\
          --dataset-path ~/imagenet --user-conf plan/user.conf
    """
    specs = read_specs(None, given_settings({**options, "scenario": scenario or tuple(Scenario)}))
    if output is not None and output.exists() and any(output.iterdir()):
        raise InputError(f"{output} already exists and is not empty", "choose another --output")
    with progress_bars() as progress, tempfile.TemporaryDirectory() as temporary:
        folder = (output or Path(temporary)) / "calibration"
        record = plan_record(specs, folder, command_line(), progress)
    if output is not None:
        write_json(output / "plan.json", record)
        write_text(output / "user.conf", record["user_conf"])
    if as_json:
        click.echo(json.dumps(record, indent=2))
        return
    _print(record)
    if output is not None:
        click.echo(f"user.conf and plan.json: {output}")


def _print(record: dict[str, Any]) -> None:
    title = f"{record['model']} on {record['framework']}: a campaign of {record['round']}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for column in ("Scenario", "Test", "Time", "Because of"):
        table.add_column(column, justify="right" if column == "Time" else "left")
    for step in record["steps"]:
        add_plain_row(
            table, step["scenario"], step["test"], _clock(step["seconds"]), step["reason"]
        )
    print_table(table)
    hours = record["hours"]
    click.echo(f"altogether {hours:.1f} hours, without {' and '.join(record['not_counted'])}")
    for warning in record["warnings"]:
        click.echo(f"noisy: {warning}")
    click.echo("\nuser.conf:")
    for name, target in record["targets"].items():
        click.echo(f"# {name}: {target['reason']}")
    click.echo(record["user_conf"].rstrip())


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
