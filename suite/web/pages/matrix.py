"""Models by frameworks: medians of what counts, how far they vary, and of how many runs."""

from collections.abc import Iterator
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from loadscope.suite.results.asking import left_out, matrix, matrix_models
from loadscope.suite.results.query import Query, Term
from loadscope.suite.web.page import Page
from loadscope.suite.web.paging import page_of
from loadscope.suite.web.rendering import render
from loadscope.suite.web.site import Site

_KEYS = ("model", "scenario", "machine", "system", "unit", "marks")
_MODELS = 20
"""A page has the rows of so many models, and of more where it has no next one."""
_COPIED_MODELS = 1000
_PARTS = (" n", " mad", " configurations")


def _matrix(request: Request) -> Response:
    site: Site = request.app.state.site
    typed = request.query_params.get("ask")
    if typed is not None:
        return RedirectResponse(f"/matrix?{Query.parse(typed).url}" if typed else "/matrix", 303)
    rest, page = page_of(request)
    query = Query.from_url(rest)
    most = _COPIED_MODELS if site.copied else _MODELS
    with site.results() as index:
        models = matrix_models(index, query, most + 1, most * page)
        chosen = Term("model", "=", models[:most])
        rows = matrix(index, replace(query, terms=(*query.terms, chosen))) if models else []
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
        page=page,
        more=len(models) > most,
        address=f"/matrix?{query.url}",
        noisy_runs=_runs_of(query, "noisy=true"),
        runs_of=lambda row, framework: _runs_of(
            query, f"model={row['model']}", f"scenario={row['scenario']}",
            f"framework={framework.split()[0]}", f"system={row['system']}",
        ),
    )  # fmt: skip


def _runs_of(query: Query, *further: str) -> str:
    """The page of the runs that fulfil the conditions of this page and some more."""
    return f"/runs?{Query((*query.terms, *Query.parse(list(further)).terms)).url}"


def _copies(site: Site) -> Iterator[str]:
    yield "/matrix"


PAGE = Page("Matrix", 50, (Route("/matrix", _matrix),), _copies)
