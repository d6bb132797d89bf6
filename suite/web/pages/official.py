"""Published results of MLCommons, and ours beside them: never among them."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from loadscope.errors import InputError
from loadscope.suite.results.near import COLUMNS, OfficialQuery, like_run, our_row, published
from loadscope.suite.run.view import load_run
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.run_folder import folder_of
from loadscope.suite.web.site import Site

_CHOICES = ("round", "division", "category", "benchmark", "scenario", "submitter")
_ROWS = 100
_FIRST = ("submitter", "system", "benchmark", "scenario", "value", "unit")


def _official(request: Request) -> Response:
    site: Site = request.app.state.site
    given = request.query_params
    asked = {name: given.get(name, "") for name in _CHOICES}
    query = OfficialQuery(**asked, cpu_only=given.get("cpu_only") == "on", limit=_ROWS)
    ours, rows, problem = None, [], None
    with site.results() as index:
        choices = {
            name: [row[0] for row in index.db.execute(
                f"SELECT DISTINCT {name} FROM official ORDER BY {name}")]
            for name in _CHOICES
        }  # fmt: skip
        try:
            if like := given.get("like", ""):
                run = load_run(folder_of(site, like))
                ours = our_row(run)
                for each in like_run(run, query):
                    rows += published(index, each, run)
            else:
                rows = published(index, query)
        except InputError as error:
            problem = error
    return render(
        request,
        "official.html",
        choices=choices,
        asked=asked,
        cpu_only=query.cpu_only,
        like=given.get("like", ""),
        ours=ours,
        rows=rows,
        columns=[
            name
            for name in dict.fromkeys((*_FIRST, "times_ours", *COLUMNS))
            if name in COLUMNS and (ours or name != "times_ours")
        ],
        problem=problem,
        most=_ROWS,
    )


PAGE = Page("Official", 70, (Route("/official", _official),), lambda site: iter(("/official",)))
