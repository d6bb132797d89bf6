"""What can run models on this machine, and how to get the rest."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.sut.registry import readable


def _frameworks(request: Request) -> Response:
    infos = [one for one in readable() if one.answers]
    return render(
        request,
        "frameworks.html",
        frameworks=[(one, one.installed(), one.version()) for one in infos],
    )


PAGE = Page("Frameworks", 16, (Route("/frameworks", _frameworks),))
