"""``loadscope campaign plan``."""

import json
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.table import Table

from loadscope.suite.campaign.beforehand import checked_plan
from loadscope.suite.campaign.campaign_file import read_campaign_file
from loadscope.suite.campaign.estimate import History, estimates, plan_json
from loadscope.suite.cli.tables import add_plain_row, print_table


@click.command(
    "plan",
    epilog="\b\nExample:\n  loadscope campaign plan autumn.yaml\n"
    "  loadscope campaign plan autumn.yaml --history runs --json",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--history",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of earlier runs that tell how long tests take; may be repeated. Default: runs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(file: Path, history: tuple[Path, ...], as_json: bool) -> None:
    """Say which test runs where, how many hours each host needs, and what is a rehearsal.

    The hours come from earlier runs, from kept layouts of this machine, or at least from the
    round's durations; what they come from is said.
    """
    record = planned_record(file, history)
    if as_json:
        click.echo(json.dumps(record, indent=2))
        return
    show_plan(record)


def planned_record(path: Path, history: tuple[Path, ...]) -> dict[str, Any]:
    """What a campaign file asks for: the object of ``--json``."""
    file = read_campaign_file(path)
    planned, _ = checked_plan(file)
    times = estimates(planned, History(history or (Path("runs"),)))
    return plan_json(planned, times, file.name)


def show_plan(record: dict[str, Any]) -> None:
    """Print a plan for people."""
    table = Table(title=f"campaign {record['name']}", title_justify="left", **_PLAIN)
    for heading in ("Target", "Test", "Hosts", "Hours", "Because of"):
        table.add_column(heading, justify="right" if heading == "Hours" else "left")
    for run in record["runs"]:
        test = f"{run['test']}: {', '.join(run['modes'])}"
        hosts = " or ".join(run["hosts"])
        add_plain_row(table, run["group"], test, hosts, f"{run['hours']:.2f}", run["because"])
    print_table(table)
    hosts_table = Table(**_PLAIN)
    for heading in ("Host", "Runs", "Hours"):
        hosts_table.add_column(heading, justify="left" if heading == "Host" else "right")
    for host in record["hosts"]:
        add_plain_row(hosts_table, host["name"], f"{host['runs']:g}", f"{host['hours']:.2f}")
    print_table(hosts_table)
    short = [run for run in record["runs"] if run["rehearsal"]]
    if short:
        click.echo(f"{len(short)} of {len(record['runs'])} runs will be rehearsals:")
        for reason in dict.fromkeys("; ".join(run["rehearsal"]) for run in short):
            click.echo(f"  {reason}")
    click.echo(f"altogether {record['hours']:.1f} hours, without downloads and preprocessing")


_PLAIN: dict[str, Any] = {"box": box.SIMPLE_HEAD, "show_edge": False}
