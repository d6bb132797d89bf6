"""A trace in a viewer of others, where one was given; see ``web.viewers``."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.run_folder import folder_of
from loadscope.suite.web.site import Site
from loadscope.suite.web.viewers import POLICY, Viewer


def _given(request: Request, name: str) -> Viewer:
    site: Site = request.app.state.site
    viewer = site.viewers.get(name)
    if viewer is None:
        raise HTTPException(404, f"{name} is not here; start it with --{name} PATH")
    return viewer


def _shown(request: Request) -> Response:
    """The page around Perfetto's, which hands it the trace."""
    _given(request, "perfetto-ui")
    uid = request.path_params["uid"]
    folder_of(request.app.state.site, uid)
    return render(request, "perfetto.html", uid=uid)


def _file(request: Request) -> Response:
    viewer = _given(request, request.path_params["viewer"])
    found = viewer.read(request.path_params["name"] or "index.html")
    if found is None:
        raise HTTPException(404, "there is no such file")
    content, kind = found
    return Response(content, media_type=kind, headers={
        "Content-Security-Policy": POLICY, "X-Frame-Options": "SAMEORIGIN",
    })  # fmt: skip


PAGE = Page(
    "",
    41,
    (
        Route("/traces/{uid}/perfetto", _shown),
        Route("/viewers/{viewer}/{name:path}", _file),
    ),
)
