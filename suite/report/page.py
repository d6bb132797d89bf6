"""The report as one HTML file that needs no network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadscope.names import Mode
from loadscope.quantities import number
from loadscope.suite.report.details import Group, run_details
from loadscope.suite.report.figures import assign_series
from loadscope.suite.report.marks import NOISY, Marks
from loadscope.suite.report.metric_columns import metric_columns
from loadscope.suite.report.render import render
from loadscope.suite.report.sections import MeasuredRun, draw_models, measure
from loadscope.suite.report.wording import (
    NONE,
    Standing,
    accuracy_text,
    compliance,
    created_text,
    kind_text,
    metric_text,
    ordered,
    repeat_text,
    verdict,
)
from loadscope.suite.run.view import RunView


@dataclass(frozen=True)
class _Row:
    """A run in the summary table and as a collapsible section."""

    run: RunView
    anchor: str
    created: str
    verdict: Standing
    marks: tuple[str, ...]
    metric: str
    kind: str
    repeat: str
    rate: str
    accuracy: tuple[str, str]
    compliance: dict[Mode, Standing]
    groups: list[Group]


def build_page(runs: Sequence[RunView], done: Callable[[RunView], None] = lambda _: None) -> str:
    """Render the page for ``runs``: tables, figures, settings and provenance.

    Args:
        runs: The runs, in any order.
        done: Called after the files of each run have been read.

    Returns:
        HTML, with style, script and plotly's JavaScript inside.

    Raises:
        InputError: A latency or batch file of a run is corrupt.
    """
    measured = []
    for series in assign_series(ordered(runs)):
        measured.append(measure(series))
        done(series.run)
    models = draw_models(measured)
    marks = Marks(one.run for one in measured)
    return render(
        "report.html",
        [place for model in models for place in model.figures],
        models=models,
        rows=[_row(index, one, marks) for index, one in enumerate(measured, start=1)],
        notes=[
            *marks.notes(),
            *((NOISY, sentence) for sentence in marks.noise()),
            *(("note", sentence) for sentence in marks.further()),
        ],
        absent=NONE,
        columns=metric_columns([one.run for one in measured]),
        audited=any(compliance(one.run) for one in measured),
    )


def _row(index: int, one: MeasuredRun, marks: Marks) -> _Row:
    rate = one.run.samples_per_second
    return _Row(
        run=one.run,
        anchor=f"run-{index}",
        created=created_text(one.run),
        verdict=verdict(one.run),
        marks=marks.of(one.run),
        metric=metric_text(one.run),
        kind=kind_text(one.run),
        repeat=repeat_text(one.run),
        rate=NONE if rate is None else number(rate),
        accuracy=accuracy_text(one.run),
        compliance=compliance(one.run),
        groups=run_details(one.run, one.completion),
    )
