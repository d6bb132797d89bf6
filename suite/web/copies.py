"""The pages as files: a results page that needs no server."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette

from loadscope.errors import InputError, WorkError
from loadscope.files import write_text
from loadscope.suite.web.app import STATIC, make_app
from loadscope.suite.web.page import all_pages
from loadscope.suite.web.rendering import copied_name
from loadscope.suite.web.site import Site

_SCRIPTS = ("app.css", "icon.svg", "plots.js", "plotly.js", "layers.js", "timeline.js", "copy.js")
_MARK = ".loadscope-pages"


def build(site: Site, folder: Path, progress: Callable[[str, int, int], None]) -> int:
    """Write every page that can be read without a server; gives how many there are.

    Args:
        site: A ``copied`` one.
        folder: A new or empty folder, or one that this has written before.
        progress: Told of each page.

    Raises:
        InputError: Something else is in the folder.
        WorkError: A page failed, or the disk refuses.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise InputError(f"{folder} is not empty", "name a new folder, or one of earlier pages")
    site.take_in()
    addresses = [address for page in all_pages() for address in page.copies(site)]
    app = make_app(site)
    made = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    for done, address in enumerate(addresses):
        progress("writing pages", done, len(addresses))
        status, body = asyncio.run(_asked(app, address))
        if status != 200:
            raise WorkError(f"the page {address} failed with status {status}", "open it to see why")
        write_text(_made(made / copied_name(address)), body.decode())
    for name in _SCRIPTS:
        shutil.copyfile(str(STATIC[name]), _made(made / "static" / name))
    write_text(made / _MARK, "loadscope web --build wrote these pages\n")
    shutil.rmtree(folder, ignore_errors=True)
    made.replace(folder)
    progress("writing pages", len(addresses), len(addresses))
    return len(addresses)


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


async def _asked(app: Starlette, address: str) -> tuple[int, bytes]:
    """What the application answers, without a server between."""
    parts = urlsplit(address)
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": parts.path, "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(), "headers": [(b"host", b"localhost")],
        "scheme": "http", "server": ("localhost", 80), "client": ("localhost", 1),
        "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    status, body = 500, b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, body
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            body += message.get("body", b"")

    await app(scope, receive, send)
    return status, body
