"""``loadscope campaign status``."""

import time
from pathlib import Path

import click
from rich import box
from rich.table import Table

from loadscope.suite.campaign.grid import Cell, Grid, read_grid
from loadscope.suite.cli.campaign_carry_out import show_json
from loadscope.suite.cli.tables import add_plain_row, print_table


@click.command(
    "status",
    epilog="\b\nExample:\n  loadscope campaign status autumn\n"
    "  loadscope campaign status autumn --json",
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(folder: Path, as_json: bool) -> None:
    """Say how a campaign stands, from its folder alone: every run, every host, every reason."""
    grid = read_grid(folder)
    if as_json:
        show_json(grid)
        return
    _show(grid)


def _show(grid: Grid) -> None:
    marks = ", cancelled" if grid.cancelled else ""
    marks += ", rehearsal" if grid.rehearsal else ""
    table = Table(
        title=f"campaign {grid.name}{marks}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    for heading in ("Run", "Test", "Status", "Host", "Tries", "Remark"):
        table.add_column(heading, justify="right" if heading == "Tries" else "left")
    for cell in grid.cells:
        add_plain_row(
            table, cell.run, cell.test, _status(cell), cell.host or "", str(cell.tries or ""),
            cell.agreement.text if cell.agreement else cell.reason,
        )  # fmt: skip
    print_table(table)
    hosts = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("Host", "State", "Now", "Ended", "Busy"):
        hosts.add_column(heading, justify="right" if heading in ("Ended", "Busy") else "left")
    for host in grid.hosts:
        since = time.strftime(" since %d %b %H:%M", time.localtime(host.since or 0))
        state = f"{host.condition}{since}" if host.condition else "not asked yet"
        state += f": {host.reason}" if host.reason else ""
        busy = "" if host.busy_percent is None else f"{host.busy_percent:.1f} %"
        add_plain_row(hosts, host.name, state, host.run or "", str(host.done), busy)
    print_table(hosts)
    counts = ", ".join(f"{number} {status}" for status, number in grid.counts.items())
    click.echo(f"{counts}; {grid.retries} tries were repeats")


def _status(cell: Cell) -> str:
    return f"{cell.status} (rehearsal)" if cell.rehearsal else cell.status
