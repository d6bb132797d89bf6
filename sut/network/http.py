"""HTTP to a SUT: connections that are kept, and errors that are ours."""

import os
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

from loadscope.errors import InputError, WorkError
from loadscope.paths import as_typed
from loadscope.sut.network.protocol import (
    AUTHORITY,
    CERTIFICATE,
    KEY,
    TIMEOUT,
    TIMEOUT_SECONDS,
    TOKEN,
    require_token,
)

_CONNECT_SECONDS = 10.0
_POOL = 256
"""Connections that are kept; there are as many as threads that call at once."""
_FIRST_WAIT, _LONGEST_WAIT = 0.001, 0.1


class Http:
    """Requests to one address.

    A connection that breaks is an error, never a second attempt: the sample may have been computed,
    and its time would be that of two.

    Args:
        url: Scheme, host and port.

    Raises:
        InputError: A variable names a file that cannot be read, or no number.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._shown = f"{parts.scheme}://{parts.netloc}"
        self._seconds = _timeout()
        self._answered = False
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=self._seconds)
        token = require_token(os.environ.get(TOKEN, ""), TOKEN)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        common: dict[str, Any] = {
            "maxsize": _POOL,
            "block": False,
            "timeout": timeout,
            "retries": False,
        }
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            self._pool: urllib3.HTTPConnectionPool = urllib3.HTTPSConnectionPool(
                host, port, ssl_context=_context(), **common
            )
        else:
            self._pool = urllib3.HTTPConnectionPool(host, port, **common)

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        """See ``send``."""
        return self.send("GET", path)

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """See ``send``; where too many batches wait there, it is sent again when told so.

        Raises:
            WorkError: Still so after the time that an answer may take.
        """
        wait, end = _FIRST_WAIT, time.monotonic() + self._seconds
        while True:
            answer = self.send("POST", path, body, headers)
            if answer.status not in (429, 503):
                return answer
            if time.monotonic() > end:
                raise WorkError(
                    f"{self._shown}: no room for a batch in {self._seconds:g} s (status "
                    f"{answer.status})",
                    "does another run use the SUT? use fewer --workers, or a longer queue there",
                )
            # The answer says whole seconds, which are longer than most batches.
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request and read the whole answer, whatever its status but 401 and 403.

        Raises:
            InputError: The SUT wants another token or certificate, or its own is not trusted.
            WorkError: There is no answer.
        """
        try:
            answer = self._pool.urlopen(
                method, path, body=body, headers={**self._headers, **(headers or {})},
                redirect=False,
            )  # fmt: skip
        except urllib3.exceptions.SSLError as error:
            raise InputError(
                f"{self._shown}: TLS: {_reason(error)}",
                f"name the SUT's authority in {AUTHORITY}, and for mutual TLS {CERTIFICATE}, {KEY}",
            ) from error
        except urllib3.exceptions.ReadTimeoutError as error:
            raise WorkError(
                f"{self._shown}: no answer in {self._seconds:g} s",
                f"look at the SUT and the network between; {TIMEOUT} sets another time",
            ) from error
        except (
            urllib3.exceptions.NewConnectionError,
            urllib3.exceptions.ConnectTimeoutError,
        ) as error:
            raise WorkError(
                f"{self._shown}: no connection: {_reason(error)}",
                "start the SUT (loadscope serve-sut), and check host, port and firewall",
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise WorkError(
                f"{self._shown}: the connection is lost: {_reason(error)}",
                "look at the SUT and the network between, and repeat the run"
                if self._answered
                else f"a SUT with TLS wants https://, and for mutual TLS {CERTIFICATE} and {KEY}; "
                "else look at the SUT and the network between",
            ) from error
        self._answered = True
        if answer.status in (401, 403):
            raise InputError(
                f"{self._shown}: the SUT refuses us (status {answer.status})",
                f"give its token in the environment variable {TOKEN}",
            )
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def _timeout() -> float:
    text = os.environ.get(TIMEOUT, "")
    try:
        seconds = float(text or TIMEOUT_SECONDS)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86400:
        raise InputError(
            f"{TIMEOUT}: expected seconds above 0, got '{text}'", "correct the environment variable"
        )
    return seconds


def _context() -> ssl.SSLContext:
    given = {name: os.environ.get(name) for name in (AUTHORITY, CERTIFICATE, KEY)}
    names = {name: str(as_typed(path)) if path else None for name, path in given.items()}
    for name, path in names.items():
        if path and not Path(path).is_file():
            raise InputError(f"{name}: {path} not found", "correct the environment variable")
    try:
        context = ssl.create_default_context(cafile=names[AUTHORITY])
        if certificate := names[CERTIFICATE]:
            context.load_cert_chain(certificate, names[KEY])
    except (ssl.SSLError, OSError) as error:
        raise InputError(
            f"{', '.join(filter(None, names.values()))}: not usable for TLS: {error}",
            f"give PEM files in {AUTHORITY}, {CERTIFICATE} and {KEY}",
        ) from error
    return context


def _reason(error: BaseException) -> str:
    """What lies below, without the object's address that urllib3 begins with."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
