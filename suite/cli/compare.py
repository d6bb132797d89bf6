"""``loadscope compare``: two traced runs, layer by layer."""

import json
from pathlib import Path

import click
from rich.console import Console

from loadscope.files import write_text
from loadscope.suite.progress import progress_bars
from loadscope.suite.trace.compare import compare, comparison_record, comparison_tables
from loadscope.suite.trace.view import load_trace


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
    """Show where two traced runs of a model differ: frameworks, hosts, versions.

    Layers are aligned by their names where the runs share them, else by the order of types and
    sizes; fused layers are matched with all that went into them. Layers without a counterpart
    are listed.
    """
    with progress_bars() as progress:
        progress("reading traces", 0, 3)
        a = load_trace(run_a)
        progress("reading traces", 1, 3)
        b = load_trace(run_b)
        progress("reading traces", 2, 3)
        found = compare(a, b)
        if output is not None:
            # plotly is slow to load, and only a page needs it.
            from loadscope.suite.trace.compare.page import build_comparison_page

            write_text(output, build_comparison_page(found))
        progress("reading traces", 3, 3)
    if as_json:
        click.echo(json.dumps(comparison_record(found), indent=2))
    else:
        console = Console()
        for part in comparison_tables(found):
            console.print(part)
            console.print()
    if output is not None:
        click.echo(f"page: {output}", err=as_json)
