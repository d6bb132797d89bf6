"""One run: its figures, whether they count and why, how it was made, and its files."""

from collections.abc import Iterator
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from loadscope.errors import InputError
from loadscope.rundir.progress import read_progress
from loadscope.suite.library.compare import is_traced
from loadscope.suite.report.details import run_details
from loadscope.suite.report.figures import assign_series
from loadscope.suite.report.marks import NOISY, Marks
from loadscope.suite.report.metric_columns import metric_columns
from loadscope.suite.report.sections import draw_models, measure
from loadscope.suite.report.wording import (
    accuracy_text,
    compliance,
    created_text,
    kind_text,
    metric_text,
    repeat_text,
    verdict,
)
from loadscope.suite.run.view import RunView, load_run
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.run_figures import as_json
from loadscope.suite.web.run_folder import folder_of, shown_files
from loadscope.suite.web.site import Site


def _run(request: Request) -> Response:
    site: Site = request.app.state.site
    folder = folder_of(site, request.path_params["uid"])
    try:
        run = load_run(folder)
    except InputError as error:
        if not folder.exists():
            raise HTTPException(404, "the run directory is gone") from error
        raise
    (series,) = assign_series([run])
    measured = measure(series)
    models = draw_models([measured])
    marks = Marks([run])
    figures = as_json(place for model in models for scenario in model.scenarios
                      for place in scenario.figures)  # fmt: skip
    score, scored_on = accuracy_text(run)
    return render(
        request,
        "run.html",
        run=run,
        uid=request.path_params["uid"],
        when=created_text(run),
        verdict=verdict(run),
        metric=metric_text(run),
        kind=kind_text(run),
        repeat=repeat_text(run),
        accuracy=score,
        scored_on=scored_on,
        marks=marks.of(run),
        notes=[
            *marks.notes(),
            *((NOISY, one) for one in run.warnings),
            *(("note", one) for one in run.notes),
        ],
        compliance=compliance(run),
        metrics=[(one.metric.heading, one.cells[0]) for one in metric_columns([run])],
        scenarios=[one for model in models for one in model.scenarios],
        figures=figures,
        groups=run_details(run, measured.completion),
        files=shown_files(folder),
        live=read_progress(folder) is not None,
        traced=is_traced(folder),
        again=_again(run),
    )


def _again(run: RunView) -> str:
    return f"loadscope run --from {run.path}"


def _file(request: Request) -> Response:
    """A file of a run as text; never as a page, whatever is in it."""
    site: Site = request.app.state.site
    folder = folder_of(site, request.path_params["uid"])
    name = request.path_params["name"]
    if name not in {file.name for file in shown_files(folder)}:
        raise HTTPException(404, "the run has no such file")
    path = folder / name
    return FileResponse(
        path, media_type="text/plain; charset=utf-8", filename=Path(name).name,
        content_disposition_type="inline",
    )  # fmt: skip


def _copies(site: Site) -> Iterator[str]:
    with site.results() as index:
        for row in index.db.execute("SELECT uid FROM run WHERE copy = 0 AND hidden = 0"):
            yield f"/runs/{row['uid']}"


PAGE = Page(
    "", 11, (Route("/runs/{uid}", _run), Route("/runs/{uid}/files/{name:path}", _file)), _copies
)
