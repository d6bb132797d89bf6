"""Series over time: levels, noise, changes, and what changed with them."""

from collections.abc import Iterator
from itertools import islice

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from loadscope.suite.report.sections import PlacedFigure
from loadscope.suite.results.history import histories, words
from loadscope.suite.results.history_page import series_drawing
from loadscope.suite.results.query import Query
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.run_figures import as_json
from loadscope.suite.web.site import Site

_MOST_SERIES = 20
_DRAWN_FROM = 2


def _history(request: Request) -> Response:
    site: Site = request.app.state.site
    typed = request.query_params.get("ask")
    if typed is not None:
        return RedirectResponse(f"/history?{Query.parse(typed).url}" if typed else "/history", 303)
    query = Query.from_url(request.url.query)
    with site.results() as index:
        # What is looked at is drawn at once; ruptures is for the command, which may take its time.
        series = histories(index, query, change_points=False, fewest=_DRAWN_FROM)
        found = list(islice(series, _MOST_SERIES + 1))
    shown = found[:_MOST_SERIES]
    placed = [PlacedFigure(f"series-{n}", series_drawing(one)) for n, one in enumerate(shown)]
    return render(
        request,
        "history.html",
        series=list(zip(shown, placed, strict=True)),
        figures=as_json(placed),
        words=words,
        more=len(found) > _MOST_SERIES,
        most=_MOST_SERIES,
        asked=query.text,
    )


def _copies(site: Site) -> Iterator[str]:
    yield "/history"


PAGE = Page("History", 60, (Route("/history", _history),), _copies)
