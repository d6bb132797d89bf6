"""Serve an application: on loopback unless another address is asked for by name."""

import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import uvicorn

from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.listening import LOOPBACK
from loadscope.suite.results.index import index_location
from loadscope.suite.web.app import make_app
from loadscope.suite.web.site import Site
from loadscope.suite.web.viewers import Viewer

_LOOK_SECONDS = 5.0


def make_site(
    runs: Path,
    index: Path | None,
    host: str,
    token: str,
    read_only: bool,
    copied: bool = False,
    viewers: Mapping[str, Viewer] | None = None,
) -> Site:
    """What an application of these settings knows.

    Raises:
        InputError: Others could ask, and there is no token.
    """
    if host not in LOOPBACK and not token:
        raise InputError(
            f"--host {host}: others can reach it, and there is no token",
            "give --token WORD, or LOADSCOPE_WEB_TOKEN",
        )
    own = () if host in LOOPBACK else (host.lower(), socket.gethostname().lower())
    return Site(
        runs=runs.absolute(),
        index=index_location(index),
        hosts=frozenset((*LOOPBACK, *own)),
        secret=secrets.token_bytes(32),
        token=token,
        read_only=read_only,
        copied=copied,
        viewers=viewers or {},
    )


def serve(site: Site, sock: socket.socket, problem: Callable[[str], None]) -> None:
    """Serve until Ctrl-C, and keep the index in step with the folder of runs meanwhile.

    Args:
        site: What is served.
        sock: Where; it is closed at the end.
        problem: Told of what keeps the index from being read.

    Raises:
        WorkError: The server failed to start.
    """
    config = uvicorn.Config(
        make_app(site), log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=3, limit_concurrency=200,
    )  # fmt: skip
    server = uvicorn.Server(config)
    keeper = threading.Thread(target=_keep, args=(site, server, problem), daemon=True)
    keeper.start()
    try:
        server.run(sockets=[sock])
    except SystemExit as error:
        raise WorkError("the server did not start", "see what it said above") from error
    finally:
        server.should_exit = True
        site.state.due.set()
        sock.close()


def _keep(site: Site, server: uvicorn.Server, problem: Callable[[str], None]) -> None:
    said = ""
    while not server.should_exit:
        try:
            site.take_in()
        except LoadScopeError as error:
            if error.message != said:
                said = error.message
                problem(said)
        site.state.due.wait(_LOOK_SECONDS)
        site.state.due.clear()
