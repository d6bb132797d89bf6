"""Models by frameworks: medians of what counts, how far they vary, and of how many runs."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from loadscope.suite.results.asking import left_out, matrix
from loadscope.suite.results.query import Query
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.site import Site

_KEYS = ("model", "scenario", "machine", "system", "unit", "marks")
_PARTS = (" n", " mad", " configurations")


def _matrix(request: Request) -> Response:
    site: Site = request.app.state.site
    typed = request.query_params.get("ask")
    if typed is not None:
        return RedirectResponse(f"/matrix?{Query.parse(typed).url}" if typed else "/matrix", 303)
    query = Query.from_url(request.url.query)
    with site.results() as index:
        rows = matrix(index, query)
        noisy = left_out(index, query)
    frameworks = sorted({name for row in rows for name in row
                         if name not in _KEYS and not name.endswith(_PARTS)})  # fmt: skip
    return render(
        request,
        "matrix.html",
        rows=rows,
        frameworks=frameworks,
        noisy=noisy,
        asked=query.text,
        runs_of=lambda row, framework: "/runs?" + Query.parse(
            [f"model={row['model']}", f"scenario={row['scenario']}",
             f"framework={framework.split()[0]}", f"system={row['system']}"]
        ).url,
    )  # fmt: skip


def _copies(site: Site) -> Iterator[str]:
    yield "/matrix"


PAGE = Page("Matrix", 50, (Route("/matrix", _matrix),), _copies)
