"""All runs: filter, sort, page, and export exactly what is shown."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from loadscope.errors import InputError
from loadscope.suite.report.export import Row
from loadscope.suite.results.asking import count, select
from loadscope.suite.results.query import Query
from loadscope.suite.results.tables import csv_text
from loadscope.suite.web.page import Page
from loadscope.suite.web.paging import page_of
from loadscope.suite.web.rendering import render
from loadscope.suite.web.run_rows import COLUMNS, shown_rows
from loadscope.suite.web.site import Site

PER_PAGE = 50
"""Rows of a page; one that is copied has more, for it has no next one."""
_COPIED_ROWS = 1000
"""A page has no more either, whatever ``limit`` says."""
_EXPORTED = (*COLUMNS, "path")
_NEWEST = ("-created",)


@dataclass(frozen=True)
class _Sorting:
    """How a column's heading sorts, and whether the table is sorted by it."""

    query: Query

    def sorted(self, column: str) -> str:
        first = (self.query.sort or _NEWEST)[0]
        if first.removeprefix("-") != column:
            return ""
        return "descending" if first.startswith("-") else "ascending"

    def address(self, column: str) -> str:
        name = column if self.sorted(column) == "descending" else f"-{column}"
        return f"/runs?{replace(self.query, sort=(name,)).url}"


def _asked(text: str) -> Query:
    query = Query.from_url(text)
    if query.group:
        raise InputError(
            "the page of runs shows no groups",
            f"see /matrix, or: loadscope results list {query.text}",
        )
    return query


def _runs(request: Request) -> Response:
    site: Site = request.app.state.site
    words = request.query_params.get("ask")
    if words is not None:
        # What was typed into the form, as the one address that says it.
        return RedirectResponse(f"/runs?{Query.parse(words).url}" if words else "/runs", 303)
    rest, page = page_of(request)
    asked = _asked(rest)
    most = _COPIED_ROWS if site.copied else min(asked.limit or PER_PAGE, _COPIED_ROWS)
    with site.results() as index:
        total = count(index, asked)
        shown = replace(
            asked,
            sort=asked.sort or _NEWEST,
            columns=COLUMNS,
            limit=most,
            offset=asked.offset + most * page,
        )
        rows = shown_rows(select(index, shown, total))
    address = f"/runs?{asked.url}" if asked.url else "/runs?"
    return render(
        request,
        "runs.html",
        rows=rows,
        total=total,
        page=page,
        pages=max(1, -(-(total - asked.offset) // most)),
        asked=replace(asked, sort=()).text,
        sortable=None if site.copied else _Sorting(asked),
        address=address,
        address_csv=f"/runs.csv?{asked.url}",
        address_json=f"/runs.json?{asked.url}",
    )


def _all_rows(request: Request) -> list[Row]:
    site: Site = request.app.state.site
    asked = _asked(request.url.query)
    query = replace(asked, sort=asked.sort or _NEWEST, columns=_EXPORTED)
    with site.results() as index:
        return list(select(index, query))


def _csv(request: Request) -> Response:
    text = csv_text(_EXPORTED, _all_rows(request))
    return PlainTextResponse(text, media_type="text/csv", headers=_attached("runs.csv"))


def _json(request: Request) -> Response:
    text = json.dumps({"runs": _all_rows(request)}, indent=2)
    return PlainTextResponse(text, media_type="application/json", headers=_attached("runs.json"))


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{quote(name)}"'}


def _copies(site: Site) -> Iterator[str]:
    yield from ("/runs", "/runs.csv", "/runs.json")


PAGE = Page(
    "Runs",
    10,
    (Route("/runs", _runs), Route("/runs.csv", _csv), Route("/runs.json", _json)),
    _copies,
)
