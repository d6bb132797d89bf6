import json
import os
import signal
import sys
import tempfile
import time
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest
from tests.browser import browser
from tests.command import command_process, loadgen_process

from loadscope.rundir.spec_names import LAYOUT_VARIABLE
from loadscope.sut import one_framework
from loadscope.sut.registry import BACKENDS

__all__ = ["browser", "command_process", "loadgen_process"]

ROOT = Path(__file__).resolve().parents[1]

# A shell ignores SIGINT in what it starts in the background, and that is inherited; the tests
# that press Ctrl-C must reach their processes all the same.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Hundreds of short runs would each look for a layout first; those that test that say so.
os.environ[LAYOUT_VARIABLE] = "0"


# Of these folders all tests share runs of LoadGen, which a second process would make again.
_FOLDERS = ("submission", "package")

# What starts processes.
_STARTING = {
    "command_process",
    "loadgen_process",
    "start",
    "loadgen",
    "kept_cache",
    "real_data",
    "tiny_dataset",
}

_KEPT = "LOADSCOPE_TEST_KEPT"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked as long, and only")


def pytest_configure(config: pytest.Config) -> None:
    """Have one cache of LoadScope for all processes of a session.

    Where pytest keeps a cache it lasts over sessions: real weights are fetched and exported once.
    """
    if _KEPT in os.environ:
        return
    cache = getattr(config, "cache", None)
    if cache is None:
        folder = tempfile.TemporaryDirectory(prefix="loadscope-")
        config.add_cleanup(folder.cleanup)
    os.environ[_KEPT] = folder.name if cache is None else str(cache.mkdir("loadscope"))


# Before pytest-xdist, which puts the group into the test's name.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose between the long tests and the others, group them, and begin with the slowest.

    A test that is named by its id is run in any case. Groups are of what pytest-xdist must not
    spread over processes. Those that run the command, LoadGen or a framework take seconds, all
    others milliseconds: with these at the end no core waits there for another.
    """
    if not any("::" in argument for argument in config.args):
        wanted = [bool(item.get_closest_marker("long")) == config.option.long for item in items]
        left_out = [item for item, kept in zip(items, wanted, strict=True) if not kept]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item, kept in zip(items, wanted, strict=True) if kept]
    for item in items:
        folder = item.path.parent.name
        if item.get_closest_marker("xdist_group"):
            continue
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("browser"))
        elif folder in _FOLDERS:
            item.add_marker(pytest.mark.xdist_group(folder))
    items.sort(key=lambda item: _STARTING.isdisjoint(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def kept_cache() -> Path:
    """A cache of LoadScope that all tests share which need real weights."""
    return Path(os.environ[_KEPT])


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = Path(os.environ.get("LOADSCOPE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; name its folder in LOADSCOPE_TEST_DATA")
    return folder.resolve()


@pytest.fixture(autouse=True)
def nothing_opened(monkeypatch):
    """Let a test open a backend whichever one the tests before it, in any order, have opened."""
    monkeypatch.setattr(one_framework, "_opened", {})


@pytest.fixture
def backends(monkeypatch):
    """Have backends installed beside those that are, as entry points have them."""

    def install(**infos):
        points = dict(BACKENDS._points())
        for name, info in infos.items():
            module = ModuleType(f"info_of_{name}")
            vars(module)["INFO"] = info
            monkeypatch.setitem(sys.modules, module.__name__, module)
            points[name] = [EntryPoint(name, f"{module.__name__}:INFO", BACKENDS.group)]
        monkeypatch.setattr(BACKENDS, "_points", lambda: points)

    return install


@pytest.fixture(scope="session")
def wait_for():
    """Wait until a condition holds, while a process is alive if one is given."""

    def wait(condition, process=None, seconds=120):
        deadline = time.monotonic() + seconds
        while not condition():
            assert process is None or process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.05)

    return wait


@pytest.fixture
def loadgen(tmp_path, loadgen_process):
    """Run one LoadGen test in a fresh process; returns (exit status, what it printed, folder)."""

    def run(scenario, mode="performance", cwd=None, **asked):
        settings = {"min_duration": 300, "min_query_count": 1, **asked.pop("settings", {})}
        asked |= {"folder": str(tmp_path), "scenario": scenario, "mode": mode}
        done = loadgen_process.run(
            json.dumps(asked | {"settings": settings}),
            cwd=cwd or Path.cwd(),
            environment=dict(os.environ),
            timeout=120,
        )
        seen = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
        failed = tmp_path / "failed.txt"
        return done.returncode, seen, failed.read_text() if failed.exists() else done.stderr

    return run
