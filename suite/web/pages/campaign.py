"""Campaigns over machines: a grid of tests by targets, the hosts, and how each run stands."""

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from loadscope.errors import InputError
from loadscope.suite.campaign.grid import Cell, Grid, read_grid
from loadscope.suite.campaign.places import CAMPAIGN_FILE
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.site import Site

_DEEPEST = 3


@dataclass(frozen=True)
class _Listed:
    """A campaign of the list; ``problem`` says why it has no grid."""

    name: str
    grid: Grid | None
    problem: str = ""


def _folders(site: Site) -> dict[str, Path]:
    """The campaigns below the folder of runs, by name."""
    found = [
        path.parent
        for depth in range(1, _DEEPEST + 1)
        for path in site.runs.glob("/".join(["*"] * depth) + f"/{CAMPAIGN_FILE}")
    ]
    return {path.relative_to(site.runs).as_posix(): path for path in sorted(found)}


def _list(request: Request) -> Response:
    listed = []
    for name, folder in _folders(request.app.state.site).items():
        try:
            listed.append(_Listed(name, read_grid(folder)))
        except InputError as error:
            listed.append(_Listed(name, None, error.message))
    return render(request, "campaigns.html", campaigns=listed)


def _campaign(request: Request) -> Response:
    site: Site = request.app.state.site
    name = request.path_params["name"]
    folder = _folders(site).get(name)
    if folder is None:
        raise HTTPException(404, "there is no such campaign")
    grid = read_grid(folder)
    cells: dict[tuple[str, str], list[Cell]] = {}
    for cell in grid.cells:
        cells.setdefault((cell.test, cell.group), []).append(cell)
    return render(
        request,
        "campaign.html",
        name=name,
        quoted=shlex.quote(str(folder)),
        grid=grid,
        cells=cells,
        held=[cell.agreement.passed for cell in grid.cells if cell.agreement],
        runs=_runs(site, folder),
        when=_when,
    )


def _runs(site: Site, folder: Path) -> dict[str, str]:
    """The identity of each run directory of a campaign that the index knows, by its place."""
    with site.results() as index:
        rows = index.db.execute(
            # A host on this machine has a copy of it, which may be the one that is shown.
            "SELECT path, uid FROM run WHERE path >= ? AND path < ?",
            (f"{folder.resolve()}/", f"{folder.resolve()}0"),
        ).fetchall()
    return {Path(row["path"]).relative_to(folder.resolve()).as_posix(): row["uid"] for row in rows}


def _when(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


PAGE = Page(
    "Campaigns", 85, (Route("/campaigns", _list), Route("/campaigns/{name:path}", _campaign))
)
