"""``loadscope report --trace``: where the time of traced runs goes."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from loadscope.datasets.task import Progress
from loadscope.errors import WorkError
from loadscope.files import write_text
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.report.trace import trace_record, trace_tables
from loadscope.suite.trace.export import export_all
from loadscope.suite.trace.peaks import Peaks, machine_peaks
from loadscope.suite.trace.view import TraceView, load_trace


def report_traces(
    runs: Sequence[Path], output: Path | None, as_json: bool, otlp: str | None
) -> None:
    """Print the traces of ``runs``, write their page to ``output``, send them to ``otlp``."""
    with progress_bars() as progress:
        if otlp:
            for path in runs:
                export_all(path, otlp, progress)
        traces = [_read(path, progress) for path in runs]
        if output is not None:
            _write_page(traces, output, progress)
    if as_json:
        records = [trace_record(view, peaks) for view, peaks in traces]
        click.echo(json.dumps({"traces": records}, indent=2))
    else:
        console = Console()
        for view, peaks in traces:
            for part in trace_tables(view, peaks):
                console.print(part)
                console.print()
    if output is not None:
        click.echo(f"page: {output}", err=as_json)


def _read(path: Path, progress: Progress) -> tuple[TraceView, Peaks | str]:
    progress("reading the trace", 0, 2)
    view = load_trace(path)
    progress("reading the trace", 1, 2)
    try:
        peaks: Peaks | str = machine_peaks(path, view.run.host, view.header.threads)
    except WorkError as error:
        peaks = f"{error.message}; {error.fix}"
    progress("reading the trace", 2, 2)
    return view, peaks


def _write_page(
    traces: Sequence[tuple[TraceView, Peaks | str]], output: Path, progress: Progress
) -> None:
    # plotly is slow to load, and only a page needs it.
    from loadscope.suite.report.trace.page import build_trace_page

    progress("drawing", 0, 1)
    write_text(output, build_trace_page(traces))
    progress("drawing", 1, 1)
