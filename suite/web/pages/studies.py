"""Searches for the fastest settings: what was tried, what trades for what, and the winner."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from loadscope.suite.report.tune_page import STATES, study_figures
from loadscope.suite.tune.searched import SEARCHES_FILE, read_searches
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.run_figures import as_json
from loadscope.suite.web.site import Site

_DEEPEST = 3


def _folders(site: Site) -> dict[str, Path]:
    """The finished studies below the folder of runs, by name."""
    found = [
        path.parent
        for depth in range(1, _DEEPEST + 1)
        for path in site.runs.glob("/".join(["*"] * depth) + f"/{SEARCHES_FILE}")
    ]
    return {path.relative_to(site.runs).as_posix(): path for path in sorted(found)}


def _list(request: Request) -> Response:
    return render(request, "studies.html", names=list(_folders(request.app.state.site)))


def _study(request: Request) -> Response:
    name = request.path_params["name"]
    folder = _folders(request.app.state.site).get(name)
    if folder is None:
        raise HTTPException(404, "there is no such study")
    searches = read_searches(folder)
    placed = {str(one.scenario): study_figures(one) for one in searches}
    scripts = sorted(folder.glob("scenarios/*/*.yaml"))
    return render(
        request,
        "study.html",
        name=name,
        searches=searches,
        placed=placed,
        states=STATES,
        figures=as_json(place for places in placed.values() for place in places),
        script=scripts[0].read_text(encoding="utf-8") if scripts else "",
        script_path=scripts[0] if scripts else "",
    )


PAGE = Page("Studies", 80, (Route("/studies", _list), Route("/studies/{name:path}", _study)))
