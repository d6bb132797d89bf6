import json

import pytest

from loadscope.errors import InputError
from loadscope.suite.rate_search import RateSearch
from loadscope.suite.spec import make_spec

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


@pytest.mark.parametrize(("quiet_after", "tries"), [(1, 2), (9, 3)])
def test_a_run_that_was_disturbed_is_tried_again(tmp_path, quiet_after, tries):
    runs: list[str] = []
    said: list[dict[str, object]] = []

    class Disturbed(RateSearch):
        """Valid once others leave the machine alone."""

        def _run(self, spec, name):
            runs.append(name)
            noise = ["other processes used 40 % of the CPU"] * (len(runs) <= quiet_after)
            return {
                "rate": spec.target_qps, "valid": not noise, "reasons": [], "noise": noise,
                "p99_ms": 99.0, "bound_ms": 15.0, "folder": name,
            }  # fmt: skip

    spec = make_spec({"model": "m", "framework": "null", "scenario": "Server"}, "test")
    search = Disturbed(spec, tmp_path, "", print, notice=said.append)
    assert search.holds(90) is (quiet_after < tries)
    assert len(runs) == len(said) == tries, "each is told, and it ends where it stays noisy"
    assert len(search.probes) == 1, "what a disturbed run said is not held against the rate"


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
