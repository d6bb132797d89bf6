"""``loadscope compare``: two runs side by side, of traces layer by layer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console, RenderableType

from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.names import Mode
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.report import load_run
from loadscope.suite.report.comparison import (
    RunComparison,
    compare_runs,
    runs_record,
    runs_tables,
)
from loadscope.suite.report.trace_compare import (
    TraceComparison,
    compare,
    comparison_record,
    comparison_tables,
)
from loadscope.suite.trace.view import load_trace
from loadscope.suite.worker.tracing.events import EVENTS_FILE


@click.command(
    "compare",
    epilog="\b\nExample:\n  loadscope compare runs/onnxruntime runs/pytorch --output compare.html",
)
@click.argument("run_a", type=click.Path(path_type=Path))
@click.argument("run_b", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write an HTML page here; it needs no network.",
)
def compare_command(run_a: Path, run_b: Path, as_json: bool, output: Path | None) -> None:
    """Show where two runs of a model differ: frameworks, hosts, versions.

    Measured runs are shown by their figures, side by side; one run of each tells nothing of how
    much they vary.

    Of traced runs, layers are aligned by their names where the runs share them, else by the order
    of types and sizes; fused layers are matched with all that went into them. Layers without a
    counterpart are listed. Predicts of unlike numbers of samples are compared per sample.
    """
    traced = [_is_traced(path) for path in (run_a, run_b)]
    if any(traced) and not all(traced):
        trace, other = (run_a, run_b) if traced[0] else (run_b, run_a)
        raise InputError(
            f"{trace} is a trace and {other} is not: a trace has no performance figures",
            "compare two traces, or two runs of loadscope run",
        )
    with progress_bars() as progress:
        progress("reading runs", 0, 1)
        found: TraceComparison | RunComparison
        if all(traced):
            found = compare(load_trace(run_a), load_trace(run_b))
        else:
            found = compare_runs(load_run(run_a), load_run(run_b))
        if output is not None:
            _write_page(found, output, progress)
        progress("reading runs", 1, 1)
    if as_json:
        click.echo(json.dumps(_record(found), indent=2))
    else:
        console = Console()
        for part in _tables(found):
            console.print(part)
            console.print()
    if output is not None:
        click.echo(f"page: {output}", err=as_json)


def _is_traced(path: Path) -> bool:
    return Mode.TRACE in load_run(path).modes or (path / EVENTS_FILE).is_file()


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
