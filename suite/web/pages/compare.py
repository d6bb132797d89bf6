"""Runs beside each other: ratios with intervals, verdicts, and what else differs."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from loadscope.errors import InputError
from loadscope.suite.library.compare import is_traced
from loadscope.suite.report.marks import Marks
from loadscope.suite.report.trace_compare.comparison import compare as compare_traces
from loadscope.suite.report.trace_compare.page import comparison_figures
from loadscope.suite.report.trace_compare.wording import (
    ROW_HEADINGS,
    TYPE_HEADINGS,
    balance,
    row_cells,
    side_name,
    type_cells,
)
from loadscope.suite.report.wording import accuracy_text, metric_text, verdict
from loadscope.suite.results.comparison import SetComparison, compare_sets
from loadscope.suite.results.differences import differences
from loadscope.suite.run.view import RunView, load_run
from loadscope.suite.trace.view import load_trace
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.run_figures import as_json, side_by_side
from loadscope.suite.web.run_folder import folder_of
from loadscope.suite.web.site import Site

MOST_RUNS = 20
_SHOWN_DIFFERENCES = 200


@dataclass(frozen=True)
class Compared:
    """A run of the table.

    Attributes:
        beside: How it stands beside the first; None of the first, and where it is refused.
        refused: Why it is not compared.
    """

    run: RunView
    uid: str
    beside: SetComparison | None
    refused: InputError | None = None


def _chosen(request: Request) -> list[str]:
    """The identities of the runs of an address.

    Raises:
        HTTPException: 422 where they are too many.
    """
    uids = list(dict.fromkeys(request.query_params.getlist("run")))
    if len(uids) > MOST_RUNS:
        raise HTTPException(422, f"{len(uids)} runs are chosen, at most {MOST_RUNS} are compared")
    return uids


def _compare(request: Request) -> Response:
    site: Site = request.app.state.site
    uids = _chosen(request)
    anyway = request.query_params.get("anyway") == "1"
    if len(uids) < 2:
        return render(request, "compare_none.html", chosen=uids)
    folders = [folder_of(site, uid) for uid in uids]
    traced = [is_traced(folder) for folder in folders]
    if any(traced):
        if not all(traced) or len(folders) != 2:
            raise InputError(
                "a trace is compared with one other trace", "choose two traces, or runs alone"
            )
        return RedirectResponse(f"/traces/{uids[0]}/against/{uids[1]}", 303)
    runs = [load_run(folder) for folder in folders]
    marks = Marks(runs)
    first, *others = runs
    rows = [Compared(first, uids[0], None)]
    rows += [_beside(first, run, uid, anyway) for run, uid in zip(others, uids[1:], strict=True)]
    besides = [row.beside for row in rows if row.beside]
    shared = [
        note for note in besides[0].notes if all(note in one.notes for one in besides)
    ] if len(besides) > 1 else []  # fmt: skip
    facts = [differences([first], [run]) for run in others]
    names = list(dict.fromkeys(one.name for found in facts for one in found))
    told = [
        (name, next(one.a for found in facts for one in found if one.name == name),
         [next((one.b for one in found if one.name == name), "") for found in facts])
        for name in names[:_SHOWN_DIFFERENCES]
    ]  # fmt: skip
    return render(
        request,
        "compare.html",
        rows=rows,
        shared=shared,
        anyway=anyway,
        uids=uids,
        metric_text=metric_text,
        accuracy_text=accuracy_text,
        verdict=verdict,
        marks=marks,
        differences=told,
    )


def _plots(request: Request) -> Response:
    """The plots of a comparison, a part of its page that is asked for when the rest is there."""
    site: Site = request.app.state.site
    figures = side_by_side([load_run(folder_of(site, uid)) for uid in _chosen(request)])
    return render(request, "compare_plots.html", plots=figures, figures=as_json(figures))


def _beside(first: RunView, run: RunView, uid: str, anyway: bool) -> Compared:
    try:
        return Compared(run, uid, compare_sets([first], [run], anyway=anyway))
    except InputError as error:
        return Compared(run, uid, None, error)


def _traces(request: Request) -> Response:
    site: Site = request.app.state.site
    a, b = (folder_of(site, request.path_params[side]) for side in "ab")
    found = compare_traces(load_trace(a), load_trace(b))
    plots = comparison_figures(found)
    return render(
        request,
        "compare_traces.html",
        sides=[("A", side_name(found.a)), ("B", side_name(found.b))],
        balance=balance(found),
        caveats=found.caveats,
        plots=plots,
        figures=as_json(plots),
        type_headings=TYPE_HEADINGS,
        types=[type_cells(one) for one in found.types],
        headings=ROW_HEADINGS,
        matched=[row_cells(row) for row in found.matched],
        unmatched=[row_cells(row) for row in (*found.only_a, *found.only_b)],
    )


PAGE = Page(
    "Compare",
    30,
    (
        Route("/compare", _compare),
        Route("/compare/plots", _plots),
        Route("/traces/{a}/against/{b}", _traces),
    ),
)
