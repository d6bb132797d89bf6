"""Runs through the engine seam, with real LoadGen and the null backend."""

import json
import threading

import pytest

from loadscope.errors import InputError
from loadscope.names import Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.progress import PROGRESS_FILE, LiveProgress, Phase, read_progress
from loadscope.rundir.spec import make_spec
from loadscope.suite.run import launcher, live
from loadscope.suite.run.engine import ENGINES, Cancelled, Launched
from loadscope.suite.run.launcher import LOCAL
from loadscope.suite.run.resolve import resolve
from loadscope.suite.run.runner import new_run, resume


class Watching:
    """What a caller is told, with a hook for each time."""

    def __init__(self, hook=lambda now: None):
        self.told, self._hook = [], hook

    def __call__(self, what, done, total):
        """Stages are not what is tested here."""

    def live(self, name, now):
        assert name.startswith("tiny null SingleStream")
        self.told.append(now)
        self._hook(now)


@pytest.fixture
def resolved(tiny_dataset, manifest, cache, monkeypatch):
    """The tiny model in SingleStream, 2 ms a query, watched often."""
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))
    monkeypatch.setattr(live, "WRITE_SECONDS", 0.02)
    monkeypatch.setattr(launcher, "_POLL_SECONDS", 0.02)

    def make(*modes):
        settings = {
            "models": [str(manifest(delay_us=2000))], "model": "tiny", "framework": "null",
            "scenario": "SingleStream", "dataset_path": str(tiny_dataset),
            "min_duration": "600ms", "mode": list(modes or ["performance"]),
            "expected_latency": "2ms",
        }  # fmt: skip
        return resolve(make_spec(settings, "test"), lambda *_: None)

    return make


def test_progress_is_whole_at_every_read_and_gone_at_the_end(resolved, tmp_path):
    out, read, over = tmp_path / "out", [], threading.Event()

    def reading():
        while not over.wait(0.001):
            try:
                content = (out / PROGRESS_FILE).read_text()
            except FileNotFoundError:
                continue
            read.append(LiveProgress.model_validate_json(content))

    reader = threading.Thread(target=reading)
    reader.start()
    watching = Watching()
    try:
        new_run(resolved("performance", "accuracy"), out, "test", watching)
    finally:
        over.set()
        reader.join()
    assert not list(out.rglob("*progress*"))
    # What the caller is told is what others read.
    written = {one.updated: one for one in watching.told if one.phase is not Phase.ENDED}
    tests = [one for one in read if one.phase is not Phase.SCORING]
    assert {one.updated for one in tests} <= set(written)
    assert all(written[one.updated] == one for one in tests)

    performance = [one for one in watching.told if one.test is Mode.PERFORMANCE]
    phases = list(dict.fromkeys(one.phase for one in performance))
    assert phases[0] is Phase.LOADING
    assert phases[-1] is Phase.ENDED
    assert phases == sorted(phases, key=list(Phase).index)
    running = [one for one in performance if one.phase is Phase.RUNNING and one.queries_answered]
    answered = [one.queries_answered for one in running]
    assert len(set(answered)) > 3
    assert answered == sorted(answered)
    for one in running:
        assert one.queries_issued >= one.queries_answered
        assert one.latency.p50_ms * 1.012 >= 2
        assert one.latency.p50_ms <= one.latency.p90_ms <= one.latency.p99_ms
        assert 0 <= one.noise.others_percent <= 100
        assert one.left_s is not None
    rates = [one.samples_per_second for one in running if one.samples_per_second is not None]
    # 2 ms a query, and one more that was under way at the first look.
    assert 0 < max(rates) <= 500 + 1 / 0.02
    result = json.loads((out / "result.json").read_text())
    assert performance[-1].queries_answered == result["queries"]
    (accuracy,) = [
        one for one in watching.told if one.test is Mode.ACCURACY and one.phase is Phase.ENDED
    ]
    assert accuracy.queries_answered == 24


def test_a_cancelled_run_is_interrupted_and_can_be_gone_on_with(resolved, tmp_path):
    out, ready = tmp_path / "out", resolved()
    seen = []

    def cancel(now):
        if now.phase is not Phase.ENDED:
            # From another process it would be the same: the request is a file.
            LOCAL.cancel(out)
            seen.append(now)

    with pytest.raises(Cancelled, match="cancelled"):
        new_run(ready, out, "test", Watching(cancel))
    assert len(seen) == 1
    assert json.loads((out / "run.json").read_text())["state"]["performance"]["status"] == (
        "interrupted"
    )
    assert read_progress(out) is None
    resume(RunDirectory(out), ready, Watching())
    assert RunDirectory(out).status(Mode.PERFORMANCE) == "finished"


class Elsewhere:
    """An engine of another package: the tests run here, and it says that they ran elsewhere."""

    def __init__(self):
        self.launched = []

    def hosts(self):
        return LOCAL.hosts()

    def launch(self, run_dir, test, watch):
        self.launched.append((test.mode, test.run, test.runs))
        here = LOCAL.launch(run_dir, test, watch)
        return Launched(here.outcome, here.host.model_copy(update={"processor": "Elsewhere 9000"}))

    def cancel(self, run_dir):
        LOCAL.cancel(run_dir)


ELSEWHERE = Elsewhere()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a package that declares engines."""

    def install(package, **engines):
        metadata = tmp_path / "site" / f"{package}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Name: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in engines.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[loadscope.engines]", *lines]))
        monkeypatch.syspath_prepend(tmp_path / "site")

    return install


def test_an_engine_of_another_package_runs_the_tests(installed, resolved, tmp_path):
    installed("faraway", elsewhere=f"{__name__}:ELSEWHERE")
    engine = ENGINES.require("elsewhere")
    assert isinstance(engine, Elsewhere)
    new_run(
        resolved("performance", "accuracy"), tmp_path / "out", "test", Watching(), engine=engine
    )
    assert engine.launched == [(Mode.PERFORMANCE, 1, 1), (Mode.ACCURACY, 1, 1)]
    record = json.loads((tmp_path / "out/run.json").read_text())
    assert record["host"]["processor"] == "Elsewhere 9000"
    assert record["state"]["performance"]["noise"]["seconds"] > 0.6
    assert record["state"]["accuracy"]["noise"] is None


def test_the_local_engine_is_declared_like_any_other(installed):
    assert ENGINES.require("local") is LOCAL
    (here,) = LOCAL.hosts()
    assert here.memory_bytes
    assert here.memory_bytes > 2**20
    with pytest.raises(InputError, match="unknown engine 'locale'") as error:
        ENGINES.require("locale")
    assert "use one of: local" in error.value.fix
    installed("rival", local="rival:ENGINE")
    with pytest.raises(InputError, match="two packages declare the engine 'local'"):
        ENGINES.require("local")
