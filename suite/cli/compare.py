"""``loadscope compare``: two runs side by side, of traces layer by layer."""

import contextlib
import functools
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console, RenderableType

from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.suite.cli.asked import command_line, say_rehearsal
from loadscope.suite.cli.compare_sets import set_tables
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.results_index import index_option, the_index
from loadscope.suite.cli.tables import wide_console
from loadscope.suite.library.compare import compare, is_traced
from loadscope.suite.library.repeating import measure_in_turn
from loadscope.suite.report.comparison import RunComparison, runs_record, runs_tables
from loadscope.suite.report.trace_compare import (
    TraceComparison,
    comparison_record,
    comparison_tables,
)
from loadscope.suite.results.chosen import chosen_runs
from loadscope.suite.results.comparison import SetComparison, compare_sets
from loadscope.suite.run.view import load_run


@click.command(
    "compare",
    epilog="\b\nExample:\n  loadscope compare runs/onnxruntime runs/pytorch --output compare.html\n"
    "  loadscope compare 'model=resnet50 until=2026-10-31' 'model=resnet50 since=2026-11-01'\n"
    "  loadscope compare runs/before runs/after --paired 10",
)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--anyway", is_flag=True, help="Compare what is unlike too, and say so.")
@click.option(
    "--paired",
    type=click.IntRange(min=1),
    metavar="N",
    help="Measure A and B again on this machine, N times in turn (A B B A ...), and compare that.",
)
@click.option(
    "--output-runs",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --paired: the folder of the new runs. Default: runs/paired-<time>.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write an HTML page here; it needs no network. Of one run or trace on each side.",
)
@index_option
def compare_command(
    a: str,
    b: str,
    anyway: bool,
    paired: int | None,
    output_runs: Path | None,
    as_json: bool,
    output: Path | None,
    index_file: Path | None,
) -> None:
    """Show how A and B differ, and how sure that is: runs, folders of runs, or queries.

    Of measured runs the ratio of their figures has an interval of 99 %: over the runs or repeats of
    each side where there are some, else over blocks within the one run of each, which tells
    nothing of how runs vary. Whatever else differs is listed. A rehearsal is not compared with full
    length, nor are other data, numerics, devices or scenarios, but --anyway. On a noisy machine
    --paired is the way to tell a few per cent.

    Of traced runs, layers are aligned by their names where the runs share them, else by the order
    of types and sizes; fused layers are matched with all that went into them. Layers without a
    counterpart are listed. Predicts of unlike numbers of samples are compared per sample.
    """
    with contextlib.ExitStack() as opened, progress_bars() as progress:
        if paired is not None:
            parent = output_runs or Path("runs") / f"paired-{datetime.now():%Y%m%d-%H%M%S}"
            folders = measure_in_turn(
                Path(a), Path(b), paired, parent, command_line(), progress, say_rehearsal
            )
            sides = [list(map(load_run, one)) for one in folders]
        else:
            index = functools.cache(lambda: opened.enter_context(the_index(index_file)))
            sides = [chosen_runs(named, index) for named in (a, b)]
        single = all(len(side) == 1 for side in sides) and paired is None
        traces = [is_traced(run.path) for side in sides for run in side]
        if any(traces) and not single:
            raise InputError("traces are compared one with one", "name one on each side")
        found = None
        if single:
            found = compare(sides[0][0].path, sides[1][0].path, anyway=anyway).found
        sets = None
        if not any(traces):
            # Two single runs are shown with what they have, valid or not.
            with contextlib.suppress(*([InputError] if single else [])):
                sets = compare_sets(*sides, anyway=anyway, paired=paired is not None)
        if output is not None:
            if found is None:
                raise InputError("--output shows one run of each side", "leave it out")
            _write_page(found, output, progress)
    if as_json:
        record = {} if found is None else _record(found)
        click.echo(
            json.dumps({**record, **({} if sets is None else _told(sets, record))}, indent=2)
        )
    else:
        console = wide_console() if sets is not None else Console()
        for part in [*([] if found is None else _tables(found)), *set_tables(sets)]:
            console.print(part)
            console.print()
    if output is not None:
        click.echo(f"page: {output}", err=as_json)


def _told(sets: SetComparison, record: dict[str, Any]) -> dict[str, Any]:
    """What is known of the sets, beside the record of two single runs."""
    return {key: value for key, value in sets.record().items() if key not in record}


def _record(found: TraceComparison | RunComparison) -> dict[str, Any]:
    return runs_record(found) if isinstance(found, RunComparison) else comparison_record(found)


def _tables(found: TraceComparison | RunComparison) -> Iterator[RenderableType]:
    return runs_tables(found) if isinstance(found, RunComparison) else comparison_tables(found)


def _write_page(found: TraceComparison | RunComparison, output: Path, progress: Progress) -> None:
    # plotly is slow to load, and only a page needs it.
    from loadscope.suite.report.comparison_page import build_runs_page
    from loadscope.suite.report.trace_compare.page import build_comparison_page

    progress("drawing", 0, 1)
    if isinstance(found, RunComparison):
        write_text(output, build_runs_page(found))
    else:
        write_text(output, build_comparison_page(found))
    progress("drawing", 1, 1)
