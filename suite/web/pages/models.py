"""The catalogue: what can be run, what is known of it, and where to go from there."""

from itertools import islice

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from loadscope.errors import InputError, near
from loadscope.suite.models.listing import STATES, Filter, Listed, built_in, listed
from loadscope.suite.models.zoo.registry import families
from loadscope.suite.web.page import Page
from loadscope.suite.web.paging import page_of
from loadscope.suite.web.rendering import render
from loadscope.suite.web.site import Site
from loadscope.sut.registry import readable

_PER_PAGE = 50


def _models(request: Request) -> Response:
    site: Site = request.app.state.site
    given = {name: request.query_params.get(name, "") for name in
             ("search", "task", "family", "framework", "licence", "state", "page")}  # fmt: skip
    if given["state"] and given["state"] not in STATES:
        hint = near(given["state"], STATES)
        raise InputError(
            f"unknown state '{given['state']}'", f"{hint}use one of: {', '.join(STATES)}"
        )
    _, page = page_of(request)
    everything = list(listed(built_in()))
    wanted = Filter(
        given["search"] or None, given["task"] or None, given["family"] or None,
        given["framework"] or None, None, given["licence"] or None, given["state"] or None,
    )  # fmt: skip
    found = [one for one in everything if wanted.takes(one)]
    shown = list(islice(found, page * _PER_PAGE, (page + 1) * _PER_PAGE))
    return render(
        request,
        "models.html",
        given=given,
        shown=shown,
        total=len(found),
        page=page,
        pages=max(1, -(-len(found) // _PER_PAGE)),
        best=_best(site, shown),
        choices={
            "task": sorted({one.model.task for one in everything}),
            "family": families(),
            "framework": [info.name for info in readable() if info.answers],
            "licence": sorted({one.model.licence for one in everything}),
            "state": list(STATES),
        },
    )


def _best(site: Site, shown: list[Listed]) -> dict[str, list[dict[str, object]]]:
    """The best median of each scenario on this index, of each model that is shown."""
    found: dict[str, list[dict[str, object]]] = {}
    with site.results() as index:
        for one in shown:
            rows = index.db.execute(
                "SELECT config.scenario, config.framework, config.rehearsal, summary.unit, "
                "summary.better, CASE summary.better WHEN 'higher' THEN MAX(summary.median) ELSE "
                "MIN(summary.median) END AS value FROM summary JOIN config ON "
                "config.id = summary.config WHERE config.model = ? AND config.rehearsal = 0 "
                "GROUP BY config.scenario, summary.unit ORDER BY config.scenario",
                (one.model.id,),
            )
            found[one.model.id] = [dict(row) for row in rows]
    return found


PAGE = Page("Models", 15, (Route("/models", _models),))
