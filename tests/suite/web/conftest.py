"""A real server on loopback, and people who ask it."""

import contextlib
import threading
import time

import pytest
import requests
import uvicorn
from tests.suite.report.conftest import make_run

from loadscope.listening import listening
from loadscope.suite.run.machine import measurements
from loadscope.suite.web.app import make_app
from loadscope.suite.web.guard import FORM_TOKEN, form_token
from loadscope.suite.web.server import make_site

__all__ = ["make_run"]


class Visitor:
    """Somebody who has one site open."""

    def __init__(self, address, site):
        self.address = address
        self.site = site
        self.http = requests.Session()
        # A proxy of the environment must not come between us and the loopback.
        self.http.trust_env = False

    def get(self, path, **more):
        return self.http.get(f"{self.address}{path}", timeout=60, **more)

    def post(self, path, fields=None, **more):
        """Send a form of the page, with its token."""
        sent = {FORM_TOKEN: form_token(self.site), **(fields or {})}
        return self.http.post(
            f"{self.address}{path}", data=sent, timeout=60, allow_redirects=False, **more
        )


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Have what other tests measure beside this one, with the same cache, be of no account."""

    def own():
        return [one for one in measurements() if one.run_dir.is_relative_to(tmp_path)]

    for module in ("jobs", "playground", "warm_pool", "running", "pages.launch"):
        monkeypatch.setattr(f"loadscope.suite.web.{module}.measurements", own)


@pytest.fixture
def visit(tmp_path, alone):
    """Start an application on a folder of runs; gives a visitor of it."""
    with contextlib.ExitStack() as stack:

        def start(runs=None, host="127.0.0.1", token="", read_only=False, viewers=None):
            folder = runs or tmp_path / "runs"
            index = tmp_path / "results.db"
            site = make_site(folder, index, host, token, read_only, viewers=viewers)
            site.take_in()
            sock = listening("127.0.0.1", 0)
            server = uvicorn.Server(uvicorn.Config(make_app(site), log_level="error"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
            thread.start()

            def stop():
                server.should_exit = True
                thread.join()

            stack.callback(stop)
            while not server.started:
                time.sleep(0.01)
            return Visitor(f"http://127.0.0.1:{sock.getsockname()[1]}", site)

        yield start
