"""A campaign over three hosts in network namespaces of this machine, with random kills and cuts.

Root and iproute2; it takes ten minutes and more, so it is no part of ``make test``:
``pytest -s tests/suite/campaign/namespaces_checks.py``. LOADSCOPE_KILLS says how many there are
(20), LOADSCOPE_RUNS how many tests a host has (6), LOADSCOPE_SEED which kills they are.
All hosts share this machine's cores: this tests orchestration, never figures.
"""

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from tests.suite.campaign.namespaces import HEAD, PORT, ip, namespaces

from loadscope.suite.campaign.grid import read_grid
from loadscope.suite.campaign.job import Outcome
from loadscope.suite.campaign.journal import read_journal

HOSTS = ("n1", "n2", "n3")
KILLS = int(os.environ.get("LOADSCOPE_KILLS", "20"))
CUT_SECONDS = 45.0
_TESTS = int(os.environ.get("LOADSCOPE_RUNS", "6"))


@pytest.fixture(scope="module")
def network():
    """Namespaces head, n1, n2 and n3 on one bridge; yields their prefix."""
    with namespaces(*HOSTS) as prefix:
        yield prefix


class Lab:
    """The coordinator and the workers, which it starts again whenever they are gone."""

    def __init__(self, prefix, folder, environment):
        self.prefix, self.folder, self.environment = prefix, folder, environment
        self.processes, self.down = {}, {}
        self.log = (folder / "lab.log").open("wb")

    def start(self, host, *arguments):
        self.processes[host] = subprocess.Popen(
            ["ip", "netns", "exec", f"{self.prefix}-{host}", sys.executable, "-P", "-m",
             "loadscope", *map(str, arguments)],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, start_new_session=True,
        )  # fmt: skip

    def alive(self, host):
        return host in self.processes and self.processes[host].poll() is None

    def keep_up(self):
        """Start what is gone, and mend what was cut for long enough."""
        for host in HOSTS:
            if not self.alive(host):
                self.start(host, "worker", "--scheduler", f"tls://{HEAD}:{PORT}", "--keys",
                           f"lab/keys/{host}", "--folder", host)  # fmt: skip
        if not self.alive("head"):
            resumes = (self.folder / "lab/plan.json").exists()
            command = ("resume", "lab") if resumes else ("start", "lab.yaml")
            self.start("head", "campaign", *command, "--wait", "5min")
        for host, until in list(self.down.items()):
            if time.monotonic() >= until:
                self.link(host, "up")
                del self.down[host]

    def link(self, host, state):
        port = 1 + ("head", *HOSTS).index(host)
        ip("-n", f"{self.prefix}-sw", "link", "set", f"p{port}", state)

    def kill(self, what, host):
        """Do one of the four things that may happen; whether there was anything to do it to."""
        if what == "cut":
            self.link(host, "down")
            self.down[host] = time.monotonic() + CUT_SECONDS
        elif what == "job":
            # As when the host is switched off: its test's process is gone without a word.
            pids = [json.loads(path.read_text())["pid"] for path in self.states(host)]
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return bool(pids)
        else:
            process = self.processes["head" if what == "coordinator" else host]
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return True

    def states(self, host):
        """The state files of jobs that have not ended."""
        found = (self.folder / host).glob("campaign/*/*/state.json")
        return [path for path in found if not (path.parent / "ended.json").exists()]

    def end(self):
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for host in HOSTS:
            self.kill("job", host)
        self.log.close()


@pytest.fixture
def lab(network, tmp_path, tiny_dataset, manifest, environment):
    script = {
        "models": [str(manifest(delay_us=1000))], "model": "tiny", "framework": "null",
        "scenario": "SingleStream", "mode": ["performance"], "min_duration": "4s",
        "min_query_count": 100, "dataset_path": str(tiny_dataset),
    }  # fmt: skip
    (tmp_path / "tiny-script.yaml").write_text(json.dumps(script))
    uses = [
        {"script": "tiny-script.yaml", "settings": {"repeat": 1, "count": 12 + number}}
        for number in range(_TESTS)
    ]
    file = {
        "name": "lab", "rehearsal": True, "dispatcher": "dask", "host_failures": 1000,
        "dispatcher_settings": {"listen": f"tls://{HEAD}:{PORT}"},
        "targets": [
            {
                "name": "all", "hosts": list(HOSTS), "each": True, "scripts": uses,
                "environment": {"LOADSCOPE_LAYOUT_SECONDS": "0"}, "send": ["models"],
            }
        ],
    }  # fmt: skip
    (tmp_path / "lab.yaml").write_text(yaml.safe_dump(file))
    made = subprocess.run(
        [sys.executable, "-P", "-m", "loadscope", "campaign", "keys", "lab.yaml"],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    told = {**environment, "OMP_NUM_THREADS": "1", "MALLOC_TRIM_THRESHOLD_": "65536"}
    one = Lab(network, tmp_path, told)
    yield one
    one.end()


def test_kills_and_cuts_lose_nothing_and_start_nothing_twice(lab):
    chance = random.Random(int(os.environ.get("LOADSCOPE_SEED", "1")))
    done: list[tuple[str, str]] = []
    deadline = time.monotonic() + 3600
    pause = time.monotonic() + 30
    folder = lab.folder / "lab"
    while True:
        assert time.monotonic() < deadline, (lab.folder / "lab.log").read_text()[-3000:]
        lab.keep_up()
        finished = (folder / "plan.json").exists() and set(read_grid(folder).counts) == {"finished"}
        if finished:
            break
        # Not before something runs again: kills of what only starts up would tell little.
        runs = any(map(lab.states, HOSTS)) and (folder / "plan.json").exists()
        if not runs:
            pause = max(pause, time.monotonic() + chance.uniform(0.5, 5))
        if len(done) < KILLS and time.monotonic() >= pause and runs:
            what = chance.choice(("coordinator", "worker", "job", "cut"))
            host = chance.choice(HOSTS)
            if host not in lab.down and lab.kill(what, host):
                done.append((what, host))
                print(f"{len(done)}: {what} {host}", read_grid(folder).counts, flush=True)
                pause = time.monotonic() + chance.uniform(1, 15)
        time.sleep(0.2)
    require_all_once(lab.folder, folder)
    print(f"{len(done)} kills: {done}")
    if len(done) < KILLS:
        print(f"the campaign was over after {len(done)} of {KILLS}")


def require_all_once(hosts_folder: Path, folder: Path):
    """Every run is here, and no two jobs had one host at the same time."""
    grid = read_grid(folder)
    assert len(grid.cells) == _TESTS * len(HOSTS)
    for cell in grid.cells:
        assert cell.path is not None and (folder / cell.path / "result.json").exists(), cell
    for host in HOSTS:
        spans = []
        for path in (hosts_folder / host).glob("campaign/*/*/ended.json"):
            outcome = Outcome.model_validate_json(path.read_bytes())
            spans.append((outcome.began, outcome.ended, path.parent.name))
        spans.sort()
        for one, other in itertools.pairwise(spans):
            assert one[1] <= other[0], f"{host}: two jobs at once: {one} and {other}"
        runs = [name.rpartition(".")[0] for _, _, name in spans]
        assert len(runs) == len(set(runs)) == _TESTS, "a run ended twice"
    for path in folder.glob("runs/*/*/run.json"):
        assert json.loads(path.read_text())["host"]["environment"] == {}
    ended = [event for event in read_journal(folder) if event.kind == "ended" and event.outcome]
    assert len(ended) == _TESTS * len(HOSTS)
