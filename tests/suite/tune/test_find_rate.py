import collections
import contextlib
import json
import random

import pytest

from loadscope.errors import InputError, WorkError
from loadscope.rundir.record import RateProbe
from loadscope.rundir.spec import RunSpec, make_spec
from loadscope.suite.tune.rate_search import PROBE_QUERIES, RateSearch

# At most 500 queries a second in one worker, and fewer as the queue must stay short; the bound is
# twenty times what a query takes, so that a machine with other work holds some rate.
SERVER = ("--scenario", "Server", "--workers", 1, "--target-latency", "40ms",
          "--min-duration", "500ms", "--output", "out")  # fmt: skip


@pytest.fixture
def find(tiny_dataset, manifest):
    return (
        "run", "--models", manifest(delay_us=2000), "--model", "tiny", "--framework", "null",
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
    assert 0 < rate < 500
    assert probes[-1]["valid"]
    failures = [one for one in probes if one["rate"] == rate and not one["valid"]]
    assert len(failures) < 2, "twice INVALID is too high"
    assert f"target_qps = {rate:g}" in (tmp_path / "out/user.conf").read_text()


class Scripted(RateSearch):
    """Each run has the verdict of its turn, and the 99th percentile that goes with it."""

    def __init__(self, folder, verdicts, p99_ms=99.0, **settings):
        spec = make_spec(
            {"model": "m", "framework": "null", "scenario": "Server", **settings}, "test"
        )
        super().__init__(spec, folder, "", print)
        self.verdicts = iter(verdicts)
        self.p99_ms = p99_ms
        self.runs: list[RunSpec] = []

    def _run(self, spec, name):
        self.runs.append(spec)
        return RateProbe(
            rate=spec.target_qps, valid=next(self.verdicts), reasons=(), noise=(),
            p99_ms=self.p99_ms, bound_ms=15.0, sample_ms=None, folder=name,
        )  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_whatever_the_machine_does_a_rate_is_tried_twice_and_the_runs_are_few(tmp_path, seed):
    chance = random.Random(seed)
    turns = iter(lambda: chance.random() < 0.5, None)
    search = Scripted(tmp_path, turns, target_qps=100)
    with contextlib.suppress(WorkError):
        search.confirmed()
    probes = [run for run in search.runs if run.min_query_count is not None]
    assert len(search.runs) <= search.most + 6
    tries = collections.defaultdict(list)
    for run in probes:
        tries[run.target_qps].append(run.min_query_count)
    # After a test of full length it may be asked again.
    assert max(map(len, tries.values())) <= 2 + (len(search.runs) - len(probes))
    assert {first for first, *_ in tries.values()} == {PROBE_QUERIES}
    assert {count for _, *later in tries.values() for count in later} <= {4 * PROBE_QUERIES}


@pytest.mark.parametrize(
    ("p99_ms", "counts"),
    [
        pytest.param(14.0, [500, 2000], id="in time with too few queries to prove it"),
        pytest.param(16.0, [500], id="late"),
    ],
)
def test_what_was_in_time_and_invalid_is_tried_longer(tmp_path, p99_ms, counts):
    search = Scripted(tmp_path, [False, True], p99_ms)
    assert search.holds(90) is (len(counts) > 1)
    assert [run.min_query_count for run in search.runs] == counts
    assert [run.min_duration for run in search.runs] == [20.0 * count for count in counts]


def test_a_short_run_is_confirmed_by_enough_queries_to_prove_it(tmp_path):
    search = Scripted(tmp_path, [True, False, False, True], target_qps=100, min_duration="50ms")
    search.tolerance = 0.5
    assert search.confirmed() == tmp_path / "confirm-04"
    assert [run.min_query_count for run in search.runs] == [500, 500, 2000, 2000]


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
