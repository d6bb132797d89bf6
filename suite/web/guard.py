"""What stands before every page: who may ask, from where, and how much may be sent.

Another host than those allowed is answered by 400, no token by 401, a change from another origin or
where nothing may be changed by 403, a body beyond the limit by 413. A form's own token is held
against ours where the form is read (``forms.read_form``), for it stands in the body.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loadscope.suite.web.site import Site

COOKIE = "loadscope"
FORM_TOKEN = "csrf"
"""The form's hidden field; scripts send it as the header ``X-Form-Token``."""
MOST_BYTES = 12 * 2**20
"""Of a request's body: a photograph of any camera, and not a disk image."""
_SAFE = ("GET", "HEAD")
# The digest is of the empty string: plotly makes an empty style element and adds its rules to it.
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; "
    f"style-src 'self' {_EMPTY_STYLE}; "
    "media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no-referrer a browser says Origin: null of our own forms too.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def form_token(site: Site) -> str:
    """What a form of ours carries and one of another site cannot know."""
    return hmac.new(site.secret, b"form", sha256).hexdigest()


class Guard:
    """Middleware before every route.

    Args:
        app: What it stands before.
        site: Whose rules hold.
    """

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    # A viewer of others says what it may do itself.
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(Request(scope))
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        limited = _Limited(receive)
        try:
            await self._app(scope, limited, guarded)
        except TooLargeError:
            await _refuse(413, _too_large())(scope, receive, guarded)

    def _refusal(self, request: Request) -> Response | None:
        site, headers = self._site, request.headers
        host = (urlsplit(f"//{headers.get('host', '')}").hostname or "").lower()
        if host not in site.hosts:
            return _refuse(400, f"unknown host '{host}'; start it with --host to serve others")
        if site.token and (answer := self._unknown(request)) is not None:
            return answer
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            return _refuse(413, _too_large())
        if request.method in _SAFE:
            return None
        if site.read_only:
            return _refuse(403, "read-only: nothing is started or changed here")
        return self._foreign(headers)

    def _unknown(self, request: Request) -> Response | None:
        """A visitor without the token; with it in the address it moves into a cookie."""
        token = self._site.token.encode()
        given = request.query_params.get("token")
        if given is not None and hmac.compare_digest(given.encode(), token):
            kept = [each for each in request.query_params.multi_items() if each[0] != "token"]
            query = f"?{urlencode(kept)}" if kept else ""
            answer = RedirectResponse(f"{request.url.path}{query}", 303)
            answer.set_cookie(COOKIE, self._site.token, httponly=True, samesite="strict")
            return answer
        cookie = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
        if cookie is None or not hmac.compare_digest(cookie.value.encode(), token):
            return _refuse(401, "open the address that loadscope web printed, with its token")
        return None

    def _foreign(self, headers: Headers) -> Response | None:
        """A change that another site has asked for."""
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return _refuse(403, "the request comes from another site")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _refuse(403, "the request comes from another site")
        return None


class TooLargeError(Exception):
    """More was sent than is taken."""


class _Limited:
    """A request's body, counted as it is read: a header can lie, and a stream has none."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > MOST_BYTES:
            raise TooLargeError
        return message


def has_form_token(site: Site, given: Iterable[str | None]) -> bool:
    """Whether one of what was sent is the token of our forms."""
    right = form_token(site).encode()
    return any(one is not None and hmac.compare_digest(one.encode(), right) for one in given)


def _too_large() -> str:
    return f"expected at most {MOST_BYTES // 2**20} MiB"


def _refuse(status: int, text: str) -> Response:
    return PlainTextResponse(f"loadscope: {text}\n", status)
