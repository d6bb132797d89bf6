"""``loadscope results history``."""

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.results_index import index_option, the_index
from loadscope.suite.cli.results_query import asked_query, cell, query_options
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.results.history import FEWEST, LEAST_CHANGE, History, histories, words

_SERIES = 50
_WIDTH = 32
_BLOCKS = "".join(chr(0x2581 + step) for step in range(8))


@click.command(
    "history",
    epilog="\b\nExample:\n  loadscope results history --model resnet50 --scenario Offline\n"
    "  loadscope results history --model resnet50 --output history.html",
)
@query_options
@click.option("--shifts", is_flag=True, help="Only series whose level has changed.")
@click.option("--json", "as_json", is_flag=True, help="Print the series as JSON.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the series into an HTML page here; it needs no network.",
)
@index_option
def command(
    conditions: tuple[str, ...],
    shifts: bool,
    as_json: bool,
    output: Path | None,
    index_file: Path | None,
    **given: Any,
) -> None:
    """Show series over time: each is one configuration on one system.

    The level is the median ± the median absolute deviation since it last changed. A change of
    level is told once; a lone point far from it is an outlier. Noisy runs are shown (hollow) and
    count for nothing. Builds and environments are marks.
    """
    query = asked_query(conditions, given)
    with the_index(index_file) as index:
        found = (one for one in histories(index, query) if one.shifts or not shifts)
        if as_json and output is None:
            click.echo(json.dumps({"series": [one.record() for one in found]}, indent=2))
            return
        shown = list(_first(found))
    if output is not None:
        _write_page(output, shown)
    if as_json:
        click.echo(json.dumps({"series": [one.record() for one in shown]}, indent=2))
        return
    _overview(shown)
    if len(shown) == 1:
        _points(shown[0])
    for note in dict.fromkeys(note for one in shown for note in one.notes):
        click.echo(note, err=True)


def _first(found: Iterator[History]) -> Iterator[History]:
    for number, one in enumerate(found):
        if number == _SERIES:
            click.echo(f"the first {_SERIES} series; say more, or --json for all", err=True)
            return
        yield one


def _overview(shown: list[History]) -> None:
    table = Table("series", "n", "over time", "level", "last", "changes of level")
    for one in shown:
        level = "" if one.median is None else f"{cell(one.median)} ± {cell(one.mad)} {one.unit}"
        said = [
            f"{one.points[shift.at].created[:10]} {shift.percent:+.1f} %, "
            f"{'better' if (shift.percent > 0) == (one.better == 'higher') else 'worse'}"
            for shift in one.shifts
        ]
        said += ["the last is far off: the next one has to tell"] if one.unconfirmed else []
        said += [f"too few to tell (under {FEWEST})"] if one.few else []
        last = cell(one.points[-1].value)
        add_plain_row(
            table, one.name, str(len(one.points)), _line(one), level, last, "; ".join(said)
        )
    print_table(table)


def _points(one: History) -> None:
    table = Table("created", "value", "", "marks")
    for place, point in enumerate(one.points):
        add_plain_row(
            table,
            point.created,
            f"{cell(point.value)} {one.unit}",
            "\N{BLACK CIRCLE}" if point.counts else "\N{WHITE CIRCLE}",
            "; ".join(words(one, place)),
        )
    print_table(table)


def _line(one: History) -> str:
    """The series as a line of blocks, a median each; a change under 4 % does not fill them."""
    values = [point.value for point in one.points if point.counts]
    count = min(len(values), _WIDTH)
    parts = [
        values[n * len(values) // count : (n + 1) * len(values) // count] for n in range(count)
    ]
    shown = [statistics.median(part) for part in parts]
    if not shown:
        return ""
    height = max(max(shown) - min(shown), 2 * LEAST_CHANGE * max(shown))
    least = (max(shown) + min(shown) - height) / 2
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round(steps * (value - least) / height)] for value in shown)


def _write_page(output: Path, shown: list[History]) -> None:
    if not shown:
        raise InputError("no series to draw", "loadscope results list shows what there is")
    # plotly is slow to load, and only a page needs it.
    from loadscope.suite.results.history_page import history_page

    with progress_bars() as progress:
        progress("drawing", 0, 1)
        write_text(output, history_page(shown))
        progress("drawing", 1, 1)
    click.echo(f"page: {output}", err=True)
