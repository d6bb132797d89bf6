"""The application: pages behind the guard, static files, and errors as pages."""

import contextlib
import threading
from collections.abc import AsyncIterator
from importlib.resources import files

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.suite.web.guard import Guard
from loadscope.suite.web.jobs import Jobs
from loadscope.suite.web.page import all_pages
from loadscope.suite.web.playground import Playground
from loadscope.suite.web.rendering import render
from loadscope.suite.web.site import IndexBusyError, Site

_LOOK_SECONDS = 1.0
_WEB, _REPORT = files("loadscope.suite.web"), files("loadscope.suite.report")
STATIC = {
    **{item.name: item for item in (_WEB / "static").iterdir() if item.is_file()},
    **{
        item.name: item
        for item in (_WEB / "vendored").iterdir()
        if item.name.endswith((".js", ".css"))
    },
    "plotly.js": _REPORT / "plotly" / "plotly-basic.min.js",
}
"""The files of ``/static/``: these and no others."""


def make_app(site: Site) -> Starlette:
    """The application of a site."""
    pages = all_pages()
    app = Starlette(
        routes=[
            *(route for page in pages for route in page.routes),
            Route("/static/{name}", _static),
        ],
        middleware=[Middleware(Guard, site=site)],
        lifespan=_lifespan,
        exception_handlers={
            HTTPException: _refused,
            InputError: _failed,
            WorkError: _failed,
            Exception: _broken,
        },
    )
    app.state.site = site
    app.state.playground = Playground()
    app.state.jobs = Jobs(site.runs)
    app.state.watchers = 0
    copied = {address for page in pages for address in page.copies(site)} if site.copied else set()
    app.state.navigation = [
        (page.title, page.address)
        for page in pages
        if page.title and (page.address in copied or not site.copied)
    ]
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    """Look after jobs, and have models of the playground give way to tests; end them with it."""
    ended = threading.Event()
    playground: Playground = app.state.playground
    jobs: Jobs = app.state.jobs

    def look_after() -> None:
        while not ended.wait(_LOOK_SECONDS):
            jobs.step()
            playground.pool.give_way()

    watcher = threading.Thread(target=look_after, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        await run_in_threadpool(playground.close)


async def _static(request: Request) -> Response:
    found = STATIC.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404, "there is no such file")
    return FileResponse(str(found), headers={"Cache-Control": "max-age=300"})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # Starlette's own words of an address that no route has.
    message = "there is no such page" if error.detail == "Not Found" else error.detail
    return await _page(request, error.status_code, message, "")


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, LoadScopeError)
    status = 500
    if isinstance(error, InputError):
        status = 422
    elif isinstance(error, IndexBusyError):
        status = 503
    page = await _page(request, status, error.message, error.fix)
    if status == 503:
        page.headers["Retry-After"] = "2"
    return page


async def _broken(request: Request, error: Exception) -> Response:
    """What nobody has foreseen: its traceback goes to the terminal, never onto the page."""
    return await _page(
        request, 500, "this page failed", "its traceback is where loadscope web runs"
    )


async def _page(request: Request, status: int, message: str, fix: str) -> Response:
    return await run_in_threadpool(
        render, request, "error.html", status, code=status, message=message, fix=fix
    )
