"""Templates, and the links between pages: of a server, and of files that are copied."""

import posixpath
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from loadscope import __version__
from loadscope.quantities import number
from loadscope.suite.report.marks import NOT_VERIFIED
from loadscope.suite.web.guard import form_token
from loadscope.suite.web.site import Site


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("loadscope.suite.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = lambda value: "\N{EN DASH}" if value is None else number(value)
    return environment


def find_template(name: str) -> jinja2.Template:
    """A template by its name below ``templates/``."""
    return _environment().get_template(name)


def render(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """Fill in a template of a page.

    Args:
        request: What is answered.
        template: Its name below ``templates/``.
        status: Of the answer.
        context: What it names.
    """
    site: Site = request.app.state.site
    here = request.url.path

    def link(address: str) -> str:
        return copied_link(here, address) if site.copied else address

    text = find_template(template).render(
        **context,
        site=site,
        link=link,
        here=here,
        navigation=request.app.state.navigation,
        csrf=form_token(site),
        version=__version__,
        not_verified=NOT_VERIFIED,
    )
    return HTMLResponse(text, status)


def copied_name(address: str) -> str:
    """The file of a page that is copied: ``/runs/1`` lies in ``runs/1.html``."""
    path = urlsplit(address).path.strip("/")
    if posixpath.splitext(path)[1] in (".css", ".js", ".csv", ".json", ".png", ".svg"):
        return path
    return f"{path}.html" if path else "index.html"


def copied_link(here: str, address: str) -> str:
    """A link between two pages that are copied, so that it works from ``file://``."""
    parts = urlsplit(address)
    if parts.scheme or not parts.path:
        return address
    start = posixpath.dirname(copied_name(here)) or "."
    path = quote(posixpath.relpath(copied_name(parts.path), start))
    return f"{path}#{parts.fragment}" if parts.fragment else path
