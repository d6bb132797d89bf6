"""Serve a SUT until Ctrl-C: on loopback unless another address is asked for by name."""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from loadscope.errors import InputError, WorkError
from loadscope.listening import LOOPBACK
from loadscope.suite.serve.app import SutApp
from loadscope.sut.network.protocol import TOKEN, require_token

_KEPT_SECONDS = 24 * 3600
"""A connection is kept though nothing is sent: a client may prepare its samples for hours."""


@dataclass(frozen=True)
class Protection:
    """Who may ask, and how it is kept from others.

    Attributes:
        token: A word that clients must know; empty for none.
        certificate, key: PEM files of the server's; None without TLS.
        clients: The authority of clients' certificates (mutual TLS); None where any may come.
    """

    token: str = ""
    certificate: Path | None = None
    key: Path | None = None
    clients: Path | None = None

    def require_enough(self, host: str) -> None:
        """Check that others than this machine's own can be told from strangers.

        Raises:
            InputError: They can not, a file of TLS is unusable, or no client can send the token.
        """
        require_token(self.token, f"--token or {TOKEN}")
        if host not in LOOPBACK and not self.token and self.clients is None:
            raise InputError(
                f"--host {host}: others can reach it, and there is no token",
                f"give --token WORD or {TOKEN}, or --tls-clients for mutual TLS",
            )
        if (self.certificate is None) != (self.key is None) or (self.clients and not self.key):
            raise InputError(
                "TLS takes a certificate and its key",
                "give --tls-certificate and --tls-key, and --tls-clients beside them if at all",
            )
        if self.certificate is None:
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        files = [one for one in (self.certificate, self.key, self.clients) if one]
        try:
            context.load_cert_chain(self.certificate, self.key, lambda: "")
            if self.clients is not None:
                context.load_verify_locations(self.clients)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"TLS: {', '.join(map(str, files))}: {error}",
                "give PEM files, and a key without a passphrase",
            ) from error

    def settings(self) -> dict[str, Any]:
        """Uvicorn's settings of TLS."""
        if self.certificate is None:
            return {}
        asked = ssl.CERT_NONE if self.clients is None else ssl.CERT_REQUIRED
        return {
            "ssl_certfile": str(self.certificate),
            "ssl_keyfile": str(self.key),
            "ssl_ca_certs": None if self.clients is None else str(self.clients),
            "ssl_cert_reqs": asked,
        }


def serve(app: SutApp, sock: socket.socket, protection: Protection) -> None:
    """Serve until Ctrl-C.

    Args:
        app: What answers.
        sock: Where; it is closed at the end.
        protection: Who may ask.

    Raises:
        WorkError: The server failed to start.
    """
    config = uvicorn.Config(
        app.app, http="h11", ws="none", lifespan="off", log_level="warning", access_log=False,
        server_header=False, date_header=False, timeout_keep_alive=_KEPT_SECONDS,
        timeout_graceful_shutdown=3, **protection.settings(),
    )  # fmt: skip
    try:
        uvicorn.Server(config).run(sockets=[sock])
    except SystemExit as error:
        raise WorkError("the server did not start", "see what it said above") from error
    finally:
        sock.close()
