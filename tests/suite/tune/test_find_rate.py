import json

import pytest

from loadscope.errors import InputError
from loadscope.rundir.record import RateProbe
from loadscope.rundir.spec import make_spec
from loadscope.suite.tune.rate_search import RateSearch

# At most 1,000 queries a second in one worker, and fewer as the queue must stay short.
SERVER = ("--scenario", "Server", "--workers", 1, "--target-latency", "10ms",
          "--min-duration", "500ms", "--output", "out")  # fmt: skip


@pytest.fixture
def find(tiny_dataset, manifest):
    return (
        "run", "--models", manifest(delay_us=1000), "--model", "tiny", "--framework", "null",
        "--dataset-path", tiny_dataset, "--find-rate",
    )  # fmt: skip


def test_the_rate_is_found_confirmed_and_recorded(start, find, loadscope, tmp_path, wait_for):
    # Killed after its first probe, and resumed.
    process = start(*find, *SERVER, "--mode", "performance", "--mode", "accuracy")
    held = tmp_path / "out/rate_search/search.json"
    wait_for(lambda: held.exists() and json.loads(held.read_text())["probes"], process)
    process.kill()
    process.wait()
    assert not (tmp_path / "out/run.json").exists(), "an unfinished search is no run"
    search = json.loads(held.read_text())
    begun = search["probes"]
    # Near its end a search takes many probes, which say nothing more here.
    held.write_text(json.dumps({**search, "tolerance": 0.6}))

    result = json.loads(loadscope("run", "--resume", "out", "--json").stdout)
    assert result["valid"] is True and result["mode"] == "performance,accuracy"
    record = json.loads((tmp_path / "out/run.json").read_text())
    probes = record["rate_search"]["probes"]
    assert result["rate_search"]["probes"] == probes
    assert probes[: len(begun)] == begun
    assert any(not one["valid"] for one in probes), "nothing shows that it is the highest"
    rate = record["spec"]["target_qps"]
    assert probes[-1]["folder"].startswith("confirm-") and probes[-1]["rate"] == rate
    assert 100 < rate < 1000
    assert probes[-1]["valid"]
    failures = [one for one in probes if one["rate"] == rate and not one["valid"]]
    assert len(failures) < 2, "twice INVALID is too high"
    assert f"target_qps = {rate:g}" in (tmp_path / "out/user.conf").read_text()


class Scripted(RateSearch):
    """Each run has the noise, the ms a sample and the verdict of its turn."""

    def __init__(self, folder, turns):
        spec = make_spec({"model": "m", "framework": "null", "scenario": "Server"}, "test")
        super().__init__(spec, folder, "", print, notice=lambda one: self.said.append(one))
        self.turns = iter(turns)
        self.runs: list[str] = []
        self.said: list[RateProbe] = []

    def _run(self, spec, name):
        self.runs.append(name)
        noise, sample_ms, valid = next(self.turns)
        return RateProbe(
            rate=spec.target_qps, valid=valid, reasons=(), noise=noise, p99_ms=99.0,
            bound_ms=15.0, sample_ms=sample_ms, folder=name,
        )  # fmt: skip


Turn = tuple[list[str], float | None, bool]
BUSY = ["other processes used 40 % of the CPU"]


@pytest.mark.parametrize(("quiet_after", "tries"), [(1, 2), (9, 3)])
def test_a_run_that_was_disturbed_is_tried_again(tmp_path, quiet_after, tries):
    turns: list[Turn] = [(BUSY, 4.0, False)] * quiet_after
    search = Scripted(tmp_path, [*turns, ([], 4.0, True)])
    assert search.holds(90) is (quiet_after < tries)
    assert len(search.runs) == len(search.said) == tries, (
        "each is told, and it ends where it stays noisy"
    )
    assert len(search.probes) == 1, "what a disturbed run said is not held against the rate"


@pytest.mark.parametrize(
    ("rate", "sample_ms", "tries"),
    [
        pytest.param(90, 5.0, 2, id="a slow moment"),
        pytest.param(90, 4.3, 1, id="as before"),
        pytest.param(90, None, 1, id="nothing known"),
        pytest.param(120, 5.0, 1, id="so much more load may be why"),
    ],
)
def test_a_run_whose_batches_took_longer_than_at_a_near_rate_is_tried_again(
    tmp_path, rate, sample_ms, tries
):
    turns: list[Turn] = [([], 4.5, True), ([], 4.0, True), ([], sample_ms, False), ([], 4.0, True)]
    search = Scripted(tmp_path, turns)
    assert search.holds(85) and search.holds(86)
    assert search.holds(rate) is (tries > 1)
    assert len(search.runs) == len(search.said) == 2 + tries
    told = "a batch took 5 ms a sample, 4 ms at nearly the same rate"
    assert search.said[2].noise == (told,) * (tries > 1)


def test_only_server_has_a_rate(loadscope, find, tmp_path):
    error = loadscope(*find, "--scenario", "Offline", "--output", "out", status=2).stderr
    assert "only Server has a rate to find" in error


def test_a_broken_search_is_told(tmp_path):
    (tmp_path / "search.json").write_text("{}")
    with pytest.raises(InputError, match="unreadable"):
        RateSearch.open(tmp_path, print, print)


def test_a_full_output_folder_is_refused(loadscope, find, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("keep me")
    assert "not empty" in loadscope(*find, *SERVER, status=2).stderr


def test_a_spec_of_another_scenario_is_refused(tmp_path):
    spec = make_spec({"model": "m", "framework": "null", "scenario": "Offline"}, "test")
    with pytest.raises(InputError, match="only Server"):
        RateSearch(spec, tmp_path, "", print)
