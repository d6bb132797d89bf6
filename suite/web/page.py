"""What a page of the application is, and how the pages are found."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from starlette.routing import Route

from loadscope.suite.web import pages
from loadscope.suite.web.site import Site


def no_copies(site: Site) -> Iterator[str]:
    """The addresses of a page that only a server can answer."""
    yield from ()


@dataclass(frozen=True)
class Page:
    """One page with all its routes.

    Attributes:
        title: In the navigation; empty for a page that is reached from others.
        order: Its place in the navigation.
        routes: Its addresses; the first is the one that the navigation leads to.
        copies: The addresses of it that ``--build`` writes as files.
    """

    title: str
    order: int
    routes: tuple[Route, ...]
    copies: Callable[[Site], Iterator[str]] = no_copies

    @property
    def address(self) -> str:
        """Where the navigation leads to."""
        return self.routes[0].path


@cache
def all_pages() -> tuple[Page, ...]:
    """Every page, in the order of the navigation."""
    found = [
        importlib.import_module(f"{pages.__name__}.{module.name}").PAGE
        for module in pkgutil.iter_modules(pages.__path__)
    ]
    return tuple(sorted(found, key=lambda page: (page.order, page.address)))
