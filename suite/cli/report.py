"""``loadscope report``: results of runs as a table, JSON and an HTML page."""

import json
from pathlib import Path

import click
from rich.console import Console

from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.submission.rounds import CURRENT, load_round
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.tables import print_table
from loadscope.suite.cli.trace_report import report_traces
from loadscope.suite.report import (
    RunView,
    csv_text,
    find_runs,
    load_run,
    metrics_table,
    ordered,
    results_table,
    run_record,
)
from loadscope.suite.report.submission import csv_text as submission_csv
from loadscope.suite.report.submission import (
    is_submission,
    read_submission,
    rows_record,
    side_by_side,
)
from loadscope.suite.report.submission_page import submission_page, submission_table

_COMPARED = 2


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
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the results as CSV here, one row a run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.option("--trace", is_flag=True, help="Show where the time goes: the layers of traced runs.")
@click.option(
    "--otlp",
    metavar="URL",
    help="With --trace: export the trace again and send its spans to an OTLP/HTTP backend.",
)
def report_command(
    runs: tuple[Path, ...],
    output: Path | None,
    csv_file: Path | None,
    as_json: bool,
    trace: bool,
    otlp: str | None,
) -> None:
    """Show the results of RUNS: run directories, folders that hold some, or submissions.

    A submission is a folder that holds closed/ or open/. Two are compared: loadscope report
    mine/ theirs/ --csv results.csv.

    Runs that failed or never finished are listed with the reason. Every result is unverified,
    and a rehearsal where the run is shorter than full length.
    """
    if otlp and not trace:
        raise click.UsageError("--otlp sends a trace; add --trace")
    if trace:
        report_traces(find_runs(runs), output, as_json, otlp)
        return
    if any(map(is_submission, runs)):
        _report_submissions(runs, output, csv_file, as_json)
        return
    views = ordered(load_run(path) for path in find_runs(runs))
    if csv_file is not None:
        write_text(csv_file, csv_text(views))
    if output is not None:
        _write_page(views, output)
    if as_json:
        click.echo(json.dumps({"runs": [run_record(view) for view in views]}, indent=2))
    else:
        console = Console()
        console.print(results_table(views, console.width))
        figures = metrics_table(views, console.width)
        if figures is not None:
            console.print(figures)
    _say_files(output, csv_file, as_json)


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


def _report_submissions(
    paths: tuple[Path, ...], output: Path | None, csv_file: Path | None, as_json: bool
) -> None:
    for path in paths:
        if not is_submission(path):
            raise InputError(
                f"{path} is not a submission: closed/ or open/ not found in it",
                "give submissions alone, or runs alone",
            )
    if len(paths) > _COMPARED:
        raise InputError(
            f"expected one or two submissions, got {len(paths)}", "leave the others out"
        )
    rules = load_round(CURRENT)
    compared = len(paths) == _COMPARED
    first, *others = (read_submission(path, rules) for path in paths)
    rows = side_by_side(first, others[0] if others else ())
    if not rows:
        raise InputError(f"{paths[0]}: no result found", "see what loadscope check says of it")
    titles = [str(path) for path in paths]
    if csv_file is not None:
        write_text(csv_file, submission_csv(rows, compared))
    if output is not None:
        write_text(output, submission_page(rows, titles))
    if as_json:
        click.echo(json.dumps({"results": rows_record(rows, compared)}, indent=2))
    else:
        print_table(submission_table(rows, titles))
    _say_files(output, csv_file, as_json)


def _say_files(output: Path | None, csv_file: Path | None, as_json: bool) -> None:
    for what, file in (("page", output), ("CSV", csv_file)):
        if file is not None:
            click.echo(f"{what}: {file}", err=as_json)
