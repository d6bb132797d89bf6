"""A real server on loopback, and people who ask it."""

import contextlib
import json
import threading
import time
from typing import Any

import pytest
import requests
import uvicorn
from tests.suite.report.conftest import make_run

import loadscope as ls
from loadscope.listening import listening
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.machine import measurements
from loadscope.suite.web.app import make_app
from loadscope.suite.web.guard import FORM_TOKEN, form_token
from loadscope.suite.web.server import make_site

__all__ = ["make_run"]

MODEL = "efficientnet-lite0"


def write_study(folder):
    """A finished study of two batch sizes, and its script."""
    records = [
        {"number": number, "state": "complete", "params": {"batch_size": size}, "value": rate,
         "rate": rate, "latency_ms": 100.0 * number, "percentile": None, "reason": ""}
        for number, size, rate in ((1, 1, 10.0), (2, 8, 20.0))
    ]  # fmt: skip
    (folder / "scenarios" / "cpu").mkdir(parents=True)
    (folder / "scenarios" / "cpu" / "m.yaml").write_text("batch_size: 8 # chosen\n")
    axis = {"name": "batch_size", "values": [1, 8], "option": False, "numerics": False}
    told = {"scenario": "Offline", "axes": [axis], "records": records,
            "headline": "20 samples/s", "winner": {"batch_size": 8}}  # fmt: skip
    (folder / "searches.json").write_text(json.dumps([told]))


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


@pytest.fixture
def here(monkeypatch, kept_cache):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(kept_cache))
    entry = Catalogue.load().get(MODEL)
    for framework in ("onnxruntime", "openvino"):
        materialise(MODEL, entry, framework, kept_cache, lambda *_: None)


@pytest.fixture(scope="session")
def measured(tmp_path_factory, kept_cache):
    """Three short real runs and two traces of one model."""
    folder = tmp_path_factory.mktemp("web") / "runs"
    patch = pytest.MonkeyPatch()
    patch.setenv("LOADSCOPE_CACHE", str(kept_cache))
    asked: dict[str, Any] = {"model": MODEL, "framework": "onnxruntime", "count": 8,
             "dataset": "imagenet-sample20"}  # fmt: skip
    try:
        for number in range(3):
            ls.run(
                **asked, scenario="SingleStream", min_duration="200ms", min_query_count=70,
                output=folder / f"r{number}",
            )  # fmt: skip
        for number in range(2):
            ls.trace(**asked, scenario="SingleStream", batches=3, output=folder / f"t{number}")
    finally:
        patch.undo()
    return folder


def uids(visitor, letter):
    rows = visitor.get("/runs.json").json()["runs"]
    return [row["uid"] for row in rows if row["run"].startswith(letter)]
