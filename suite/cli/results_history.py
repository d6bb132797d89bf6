"""``loadscope results history``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from loadscope.suite.cli.results_index import index_option, the_index
from loadscope.suite.cli.results_query import asked_query, cell, query_options
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.results.history import FEWEST, History, Point, histories

_SERIES = 50


@click.command(
    "history",
    epilog="\b\nExample:\n  loadscope results history --model resnet50 --scenario Offline",
)
@query_options
@click.option("--shifts", is_flag=True, help="Only series whose level has changed.")
@click.option("--json", "as_json", is_flag=True, help="Print the series as JSON.")
@index_option
def command(
    conditions: tuple[str, ...],
    shifts: bool,
    as_json: bool,
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
        if as_json:
            click.echo(json.dumps({"series": [one.record() for one in found]}, indent=2))
            return
        shown = list(_first(found))
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
    table = Table("series", "n", "level", "last", "changes of level")
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
        add_plain_row(table, one.name, str(len(one.points)), level, last, "; ".join(said))
    print_table(table)


def _points(one: History) -> None:
    table = Table("created", "value", "", "marks")
    shifts = {shift.at: shift for shift in one.shifts}
    for place, point in enumerate(one.points):
        add_plain_row(
            table,
            point.created,
            f"{cell(point.value)} {one.unit}",
            "\N{BLACK CIRCLE}" if point.counts else "\N{WHITE CIRCLE}",
            "; ".join(_marks(one, place, point, shifts.get(place) is not None)),
        )
    print_table(table)


def _marks(one: History, place: int, point: Point, shifted: bool) -> Iterator[str]:
    if not point.counts:
        yield "noisy"
    if point.baseline:
        yield "baseline"
    if shifted:
        yield "level changed"
    if place in one.outliers:
        yield "outlier"
    yield from point.changed
    yield from point.notes
