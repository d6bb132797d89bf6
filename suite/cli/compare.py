"""``loadscope compare``: two runs side by side, of traces layer by layer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console, RenderableType

from loadscope.datasets.task import Progress
from loadscope.files import write_text
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.library.compare import compare
from loadscope.suite.library.run import Run
from loadscope.suite.report.comparison import RunComparison, runs_record, runs_tables
from loadscope.suite.report.trace_compare import (
    TraceComparison,
    comparison_record,
    comparison_tables,
)


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
    with progress_bars() as progress:
        progress("reading runs", 0, 1)
        found = compare(Run.read(run_a), Run.read(run_b)).found
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
