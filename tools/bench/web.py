"""Rows for the web application: what ten pages that watch a run cost it."""

import contextlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from loadscope.cores import usable_cores
from loadscope.datasets.task import Progress
from loadscope.errors import WorkError
from loadscope.names import Scenario
from loadscope.suite.run.view import load_run
from loadscope.tools.bench.models import cell, names
from loadscope.tools.bench.pairs import alternate

MODEL, FRAMEWORK = "efficientnet-lite0", "onnxruntime"
WATCHERS = 10
LEAST = 0.99
_LOOK_SECONDS = 0.5


def web_rows(
    questions: str, pairs: int, seconds: float, progress: Progress
) -> Iterator[dict[str, Any]]:
    """Offline runs that are launched on the page, with and without ten open Live pages, in turn.

    A page is its stream of events: what a browser makes of them is on the visitor's machine.

    Args:
        questions: See ``cell``.
        pairs: Of runs.
        seconds: Of each run.
        progress: Told of what is prepared.
    """
    one = cell(MODEL, FRAMEWORK, questions, progress)
    asked = {
        "model": MODEL, "framework": FRAMEWORK, "scenario": str(Scenario.OFFLINE),
        "dataset_path": one.dataset, "mode": "performance", "min_duration": f"{seconds}s",
        "workers": "1", "threads": str(usable_cores()), "batch_size": "8", "action": "start",
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="loadscope-bench-") as folder, _server(folder) as site:

        def rate(watchers: int) -> float:
            return _rate(site, Path(folder), asked, watchers)

        measured = alternate(pairs, lambda: rate(WATCHERS), lambda: rate(0))
    yield {
        **names(one, Scenario.OFFLINE, f"rate with {WATCHERS} open Live pages", "samples/s"),
        **measured,
        "target": f"ratio at least {LEAST}",
        "met": measured["ratio"] >= LEAST,
    }


@contextlib.contextmanager
def _server(folder: str) -> Iterator[str]:
    """The address of an application on a folder of runs, in a process of its own."""
    command = [sys.executable, "-P", "-m", "loadscope", "web", "--runs", folder, "--port", "0"]
    with subprocess.Popen(
        [*command, "--index", f"{folder}.db"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            found = re.search(r"http://\S+(?=/)", process.stdout.readline())
            if found is None:
                raise WorkError("loadscope web did not start", "see what it said above")
            yield found[0]
        finally:
            process.terminate()


def _rate(site: str, runs: Path, asked: dict[str, str], watchers: int) -> float:
    with requests.Session() as http:
        # A proxy of the environment must not come between us and the loopback.
        http.trust_env = False
        token = re.search(r'name="csrf" value="(\w+)"', http.get(f"{site}/launch").text)
        sent = {**asked, "csrf": token[1] if token else ""}
        answer = http.post(f"{site}/launch", data=sent, allow_redirects=False)
        if answer.status_code != 303:
            raise WorkError(f"the run was not launched: status {answer.status_code}")
        page = answer.headers["location"]
        watching = [
            threading.Thread(target=_watch, args=(f"{site}{page}/events",)) for _ in range(watchers)
        ]
        for one in watching:
            one.start()
        job = runs / ".jobs" / f"{page.rpartition('/')[2]}.json"
        while '"ended"' not in job.read_text(encoding="utf-8"):
            time.sleep(_LOOK_SECONDS)
        for one in watching:
            one.join()
    found = load_run(runs / page.rpartition("/")[2]).samples_per_second
    if found is None:
        raise WorkError("the run has no result", f"see {job.with_suffix('.log')}")
    return found


def _watch(address: str) -> None:
    with requests.Session() as http:
        http.trust_env = False
        with http.get(address, stream=True) as answer:
            for _ in answer.iter_lines():
                pass
