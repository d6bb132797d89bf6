"""``loadscope report``: results of runs as a table, JSON and an HTML page."""

import json
from pathlib import Path

import click
from rich.console import Console

from loadscope.files import write_text
from loadscope.suite.cli.trace_report import report_traces
from loadscope.suite.progress import progress_bars
from loadscope.suite.report import (
    RunView,
    find_runs,
    load_run,
    ordered,
    results_table,
    run_record,
)


@click.command(
    "report",
    epilog="\b\nExample:\n  loadscope report runs/traced --trace --output trace.html\n"
    "  loadscope report runs/ --output report.html",
)
@click.argument("runs", nargs=-1, required=True, metavar="RUNS...", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write an HTML page here; it needs no network.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.option("--trace", is_flag=True, help="Show where the time goes: the layers of traced runs.")
@click.option(
    "--otlp",
    metavar="URL",
    help="With --trace: export the trace again and send its spans to an OTLP/HTTP backend.",
)
def report_command(
    runs: tuple[Path, ...], output: Path | None, as_json: bool, trace: bool, otlp: str | None
) -> None:
    """Show the results of RUNS: run directories, or folders that hold some.

    Runs that failed or never finished are listed with the reason. Every result is unverified,
    and a rehearsal where the run is shorter than full length.
    """
    if otlp and not trace:
        raise click.UsageError("--otlp sends a trace; add --trace")
    if trace:
        report_traces(find_runs(runs), output, as_json, otlp)
        return
    views = ordered(load_run(path) for path in find_runs(runs))
    if output is not None:
        _write_page(views, output)
    if as_json:
        click.echo(json.dumps({"runs": [run_record(view) for view in views]}, indent=2))
    else:
        Console().print(results_table(views))
    if output is not None:
        click.echo(f"page: {output}", err=as_json)


def _write_page(views: list[RunView], output: Path) -> None:
    # plotly is slow to load, and only a page needs it.
    from loadscope.suite.report.page import build_page

    with progress_bars() as report:
        done = 0

        def advance(_: RunView) -> None:
            nonlocal done
            done += 1
            report("reading runs", done, len(views))

        report("reading runs", 0, len(views))
        write_text(output, build_page(views, advance))
