"""The first page: this machine, the last runs, and what was found wrong."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from loadscope.suite.results.asking import count, select
from loadscope.suite.results.query import Query
from loadscope.suite.run.launcher import LOCAL
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.run_rows import COLUMNS, shown_rows
from loadscope.suite.web.running import running
from loadscope.suite.web.site import Site

_LAST = 10


def _home(request: Request) -> Response:
    site: Site = request.app.state.site
    with site.results() as index:
        query = Query(sort=("-created",), columns=COLUMNS, limit=_LAST)
        rows = shown_rows(select(index, query))
        runs = count(index, Query())
    return render(
        request,
        "home.html",
        rows=rows,
        count=runs,
        host=LOCAL.hosts()[0],
        read=site.state.read,
        problems=site.state.problems,
        running=() if site.copied else running(site),
    )


PAGE = Page("Home", 0, (Route("/", _home),), lambda site: iter(("/",)))
