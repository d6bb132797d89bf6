"""The page of a long list, as its address names it."""

from starlette.requests import Request

from loadscope.errors import InputError


def page_of(request: Request) -> tuple[str, int]:
    """The query of an address without its page, and the page, of which the first is 0.

    Raises:
        InputError: The page is no number.
    """
    parts = [part for part in request.url.query.split("&") if part]
    page = next((part[len("page=") :] for part in parts if part.startswith("page=")), "0")
    if not page.isdecimal() or not page.isascii() or len(page) > 9:
        raise InputError(f"page={page}: expected a number", "for example page=1")
    return "&".join(part for part in parts if not part.startswith("page=")), int(page)
