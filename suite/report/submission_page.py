"""The results of submissions as a table for the terminal and as an HTML page."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from loadscope.suite.report.marks import NOT_VERIFIED, UNVERIFIED, Rehearsals
from loadscope.suite.report.render import render
from loadscope.suite.report.submission import SubmissionRow, Submitted
from loadscope.suite.report.wording import NONE

_BAR_MOST = 2.0
"""Times as fast at which the bar of a row is full; what is faster still says so in figures."""


def submission_table(rows: Sequence[SubmissionRow], titles: Sequence[str]) -> Table:
    """Lay out one row a result; two submissions stand side by side.

    What LoadGen says and how many times as fast it is stand below the result, compliance tests
    below the accuracy: a terminal has no room for columns of theirs.

    Args:
        rows: The results.
        titles: What the one or two submissions are called.
    """
    compared = len(titles) > 1
    rehearsals = Rehearsals(one.rehearsal for row in rows for one in row.sides)
    notes = [(UNVERIFIED, NOT_VERIFIED), *rehearsals.notes()]
    called = [
        f"{title} (REHEARSAL)" if _rehearsed(rows, side) else title
        for side, title in enumerate(titles)
    ]
    table = Table(
        title=Text(" and ".join(called), style="bold"),
        caption=Text("\n".join(f"{mark}: {note}" for mark, note in notes)),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 0 if compared else 1, 0, 0),
    )
    scored = "Accuracy,\ncompliance" if _audited(rows) else "Accuracy"
    table.add_column("Benchmark", overflow="fold")
    table.add_column("Scenario", no_wrap=True)
    for name in ("First", "Second") if compared else ("Result",):
        table.add_column(name, overflow="fold")
        table.add_column(scored, no_wrap=True)
    for row in rows:
        shown = row.shown
        place = Text(f"{shown.division}, {_system(row)}", style="dim")
        cells = [_lines(Text(_benchmark(shown)), place), Text(shown.scenario)]
        for one in (row.first, row.second) if compared else (row.first,):
            shown_one = one and [_result(one, rehearsals.mark(one.rehearsal)), _scores(one)]
            cells += shown_one or [Text(row.speedup_text), Text(NONE)]
        if row.first and row.second:
            cells[-2] = _lines(cells[-2], Text(f"{row.speedup_text} speed"))
        table.add_row(*cells)
    return table


def submission_page(rows: Sequence[SubmissionRow], titles: Sequence[str]) -> str:
    """Render the page: one HTML file that needs no network and no script."""
    compared = len(titles) > 1
    rehearsals = Rehearsals(one.rehearsal for row in rows for one in row.sides)
    return render(
        "submission.html",
        None,
        rows=[
            {
                "division": row.shown.division,
                "system": _system(row),
                "benchmark": _benchmark(row.shown),
                "scenario": row.shown.scenario,
                "sides": (row.first, row.second) if compared else (row.first,),
                "speedup": row.speedup_text,
                "bar": min(row.speedup or 0.0, _BAR_MOST) / _BAR_MOST,
            }
            for row in rows
        ],
        titles=[(title, _rehearsed(rows, side)) for side, title in enumerate(titles)],
        notes=rehearsals.notes(),
        mark=rehearsals.mark,
        compared=compared,
        audited=_audited(rows),
        absent=NONE,
    )


def _audited(rows: Sequence[SubmissionRow]) -> bool:
    """Whether any result has compliance tests."""
    return any(one.compliance for row in rows for one in row.sides)


def _rehearsed(rows: Sequence[SubmissionRow], side: int) -> bool:
    """Whether any result of the first (0) or second (1) submission is a rehearsal."""
    results = ((row.first, row.second)[side] for row in rows)
    return any(one.rehearsal for one in results if one)


def _result(one: Submitted, mark: str) -> Text:
    verdict = Text(one.verdict, style="green" if one.valid else "red")
    marked = [Text(mark, style="yellow")] if mark else []
    return _lines(Text(one.result_text), verdict, *marked)


def _scores(one: Submitted) -> Text:
    tests = (
        Text(f"{test} {found}", style="green" if found == "passed" else "red")
        for test, found in one.compliance
    )
    return _lines(Text(one.accuracy_text), *tests)


def _lines(*lines: Text) -> Text:
    return Text("\n").join(lines)


def _system(row: SubmissionRow) -> str:
    names = [one.system for one in (row.first, row.second) if one]
    return " / ".join(dict.fromkeys(names))


def _benchmark(one: Submitted) -> str:
    return one.benchmark if one.benchmark == one.model else f"{one.benchmark} ({one.model})"
