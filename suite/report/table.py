"""The results as one table for the terminal."""

import textwrap
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from loadscope.names import Mode
from loadscope.suite.report.marks import NOISY, NOT_VERIFIED, UNVERIFIED, Marks
from loadscope.suite.report.metric_columns import Column, metric_columns
from loadscope.suite.report.wording import (
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

_SCORE_WIDTH = len("90.00 % top-1")
_METRIC_WIDTH = len("unverified, rehearsal")
_NAME_WIDTH = len("efficientnet-lite0")
_WIDE = 120
_WIDE_METRIC = 40
_GAP = 2
"""What a column takes beside its text."""
_NO_BREAK = "\N{NO-BREAK SPACE}"
_STYLES = {
    "valid": "green",
    "invalid": "red",
    "altered": "red",
    "failed": "red",
    "unfinished": "yellow",
}


def results_table(runs: Sequence[RunView], width: int = 80) -> Table:
    """Lay out one row a run: framework, name and time, scenario, metric, valid or not, accuracy.

    Name and time have a column of their own where ``width``, that of the terminal in characters,
    has room for one; otherwise the row has a number, and the caption the name. Compliance tests
    stand below the accuracy: a terminal has no room for a column of theirs. The model stands in
    the title, or below each framework when there are several. Each result is marked unverified,
    and rehearsal where it is one; the caption gives the reasons.
    """
    wide = width >= _WIDE
    runs = ordered(runs)
    models = {run.model.id: run.model.title for run in runs}
    marks = Marks(runs)
    explained = [(UNVERIFIED, NOT_VERIFIED), *marks.notes()]
    explained += [(NOISY, sentence) for sentence in marks.noise()]
    explained += [("note", sentence) for sentence in marks.further()]
    explained += [
        (test, f"{run.system} {run.scenario}: {judged.text}")
        for run in runs
        for test, judged in compliance(run).items()
        if judged.kind != "valid"
    ]
    numbers = [f"run {number}" for number in range(1, len(runs) + 1)] if len(runs) > 1 else ["run"]
    if not wide:
        explained += [
            (number, f"{run.run_id}, {created_text(run)}")
            for number, run in zip(numbers, runs, strict=True)
        ]
    title = f"{next(iter(models.values()))}: results" if len(models) == 1 else "Results"
    table = Table(
        title=Text(title, style="bold"),
        caption=Text("\n".join(f"{mark}: {note}" for mark, note in explained)),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        # The names of several models need the room.
        padding=0 if len(models) > 1 else (0, 1, 0, 0),
    )
    # A name of common length is kept whole, so that the others make room for it.
    short = all(len(run.model.id) <= _NAME_WIDTH for run in runs)
    table.add_column("Framework", overflow="fold", no_wrap=short)
    if wide:
        table.add_column("Run", overflow="fold")
    table.add_column("Scenario", no_wrap=True)
    table.add_column("Metric", no_wrap=True)
    table.add_column("Valid, or why not", overflow="fold", min_width=11)
    scored = "Accuracy,\ncompliance" if any(map(compliance, runs)) else "Accuracy"
    table.add_column(scored, overflow="fold", min_width=_SCORE_WIDTH)
    for number, run in zip(numbers, runs, strict=True):
        judged = verdict(run)
        model = run.model.id if len(models) > 1 else ""
        table.add_row(
            _system(run, model, "" if wide or len(runs) == 1 else number),
            *([_two_lines(run.run_id, created_text(run))] if wide else []),
            Text(run.scenario),
            _two_lines(
                metric_text(run),
                "\n".join(_below(run, marks, _WIDE_METRIC if wide else _METRIC_WIDTH)),
            ),
            Text(judged.text, style=_STYLES.get(judged.kind, "")),
            Text("\n").join([_two_lines(*accuracy_text(run)), *_tests(compliance(run))]),
        )
    return table


def metrics_table(runs: Sequence[RunView], width: int = 80) -> Table | None:
    """Lay out the metrics, one row a run; None where no run has one.

    What ``width`` has no room for is left out from the right, and the caption says so.
    """
    runs = ordered(runs)
    columns = metric_columns(runs)
    if not columns:
        return None
    numbers = [f"run {number}" for number in range(1, len(runs) + 1)] if len(runs) > 1 else [""]
    names = [run.run_id for run in runs] if width >= _WIDE else numbers
    table = Table(
        title=Text("Metrics", style="bold"),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    shown: list[tuple[Column, int]] = []
    room = width - max(map(len, names)) - _GAP
    for column in columns:
        # Only headings may break.
        least = max(map(len, (*column.metric.heading.split(), *column.cells)))
        room -= least + _GAP
        if room < 0:
            break
        shown.append((column, least))
    table.add_column("", no_wrap=True)
    for column, least in shown:
        heading = "\n".join(textwrap.wrap(column.metric.heading, least))
        table.add_column(heading, justify="right", no_wrap=True)
    for place, name in enumerate(names):
        table.add_row(Text(name), *(Text(column.cells[place]) for column, _ in shown))
    left = [column.metric.title for column in columns[len(shown) :]]
    if left:
        table.caption = Text(f"no room here for {', '.join(left)}: see --csv or --json")
    return table


def _system(run: RunView, *below: str) -> Text:
    framework, _, numerics = run.system.partition(" ")
    return _two_lines(framework, "\n".join(filter(None, (numerics, *below))))


def _below(run: RunView, marks: Marks, width: int) -> list[str]:
    """What stands below the metric, in lines of ``width`` characters."""
    # The number of a rehearsal is of no use on a line of its own.
    whole = ", ".join(mark.replace(" ", _NO_BREAK) for mark in marks.of(run))
    texts = (kind_text(run), repeat_text(run), whole)
    lines = [line for text in texts for line in textwrap.wrap(text, width)]
    return [line.replace(_NO_BREAK, " ") for line in lines]


def _tests(judged: dict[Mode, Standing]) -> list[Text]:
    """A line a test; why one has not passed stands below the table."""
    return [
        Text(f"{test} {verdict.text.partition(':')[0]}", style=_STYLES[verdict.kind])
        for test, verdict in judged.items()
    ]


def _two_lines(first: str, second: str) -> Text:
    cell = Text(first)
    if second:
        cell.append(f"\n{second}", style="dim")
    return cell
