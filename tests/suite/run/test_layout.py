"""Layouts found in real processes, with the null backend, whose best batch is known."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadscope.cores import AllowedCores, allowed_cores
from loadscope.errors import InputError
from loadscope.names import Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.layout_record import LayoutRecord
from loadscope.rundir.progress import Phase
from loadscope.rundir.spec import make_spec
from loadscope.rundir.spec_names import LAYOUT_VARIABLE
from loadscope.scenarios.execution import Execution
from loadscope.suite.fetch.cache import inventory, remove
from loadscope.suite.run import layout
from loadscope.suite.run.layout import keep_tuned, layout_line, with_layout
from loadscope.suite.run.layout_probes import Probes
from loadscope.suite.run.process_plan import TracePlan
from loadscope.suite.run.resolve import resolve
from loadscope.suite.run.runner import new_run, resume

# Batches of four are best: 2 ms a sample, against 3 ms in twos and 2.5 ms in eights.
OPTIONS = {"delay_us": 4000, "sample_us": 1000, "crowded_from": 5}
SECONDS = 5.0


def silent(*_):
    """Progress and time left that nobody watches."""


@pytest.fixture
def resolved(tiny_dataset, manifest, cache, monkeypatch):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))

    def make(scenario="Offline", options=OPTIONS, **settings):
        given = {
            "models": [str(manifest(**options))], "model": "tiny", "framework": "null",
            "scenario": scenario, "dataset_path": str(tiny_dataset), "min_duration": "200ms",
            "layout_seconds": SECONDS, **settings,
        }  # fmt: skip
        return resolve(make_spec(given, "test"), silent)

    return make


@pytest.fixture
def unsearched(monkeypatch):
    """A search that must not be made."""

    def refuse(*_):
        raise AssertionError("searched though nothing had to be")

    monkeypatch.setattr(layout, "search_layout", refuse)


def settled(one, look=silent):
    return with_layout(one.plan, one.record("", (Mode.PERFORMANCE,)), look)


def test_the_best_batch_is_found_kept_and_taken_again(resolved, tmp_path, monkeypatch):
    # Of one process, and with time to spare: it ends as soon as the best is clear.
    fixed = {"threads": 1, "instances": 1, "layout_seconds": 20}
    one, told = resolved(layout="fresh", **fixed), []
    run = new_run(one, tmp_path / "run", "", lambda what, *_: told.append(what))
    record = RunDirectory(run.path).read()
    found: Any = record.layout
    assert found.origin == "searched" and found.unit == "samples/s"
    assert record.effective.batch_size == 4
    assert record.effective == found.candidates[0].execution
    assert any(Phase.LAYOUT in what for what in told), "progress is shown"
    assert found.seconds <= 22
    for candidate in found.candidates:
        assert candidate.figure or candidate.note
    by_batch = {
        one.execution.batch_size: one.figure
        for one in found.candidates
        if one.execution.workers == record.effective.workers
    }
    assert by_batch[4] > by_batch[1]
    assert layout_line(record).startswith("layout: ") and "batch 4" in layout_line(record)

    monkeypatch.setattr(layout, "search_layout", None)
    plan = settled(resolved(**fixed))
    assert plan.layout.origin == "kept" and plan.layout.candidates == found.candidates
    assert plan.execution == Execution(**record.effective.model_dump())
    # Calibration knows the rate already.
    assert plan.known == pytest.approx(found.candidates[0].figure, rel=0.01)

    again = resume(
        RunDirectory(run.path), resolved(mode=("performance", "accuracy"), **fixed), silent
    )
    assert RunDirectory(again.path).read().effective == record.effective


def test_what_is_kept_is_listed_and_removed(resolved, cache, monkeypatch):
    monkeypatch.setattr(layout, "search_layout", lambda plan, asked, found, look: (
        found[1], LayoutRecord(origin="searched", why="measured"), None
    ))  # fmt: skip
    plan = settled(resolved(count=5))
    (item,) = [each for each in inventory(cache, silent) if each.name == plan.layout.name]
    assert item.kind == "layouts" and item.what.startswith("workers ")
    held = json.loads(item.path.read_text())
    assert held["key"]["framework"] == "null" and held["layout"]["threads"]

    # A file of the cache is one of --layout.
    by_file = settled(resolved(count=5, layout=str(item.path)))
    assert by_file.execution == replace(plan.execution) and by_file.layout.origin == "file"
    assert remove([item], silent) in ([item], []), "a process that took it may still hold it"


@pytest.mark.parametrize(
    "other",
    [
        {"options": {**OPTIONS, "delay_us": 1}},
        {"scenario": "Server"},
        {"scenario": "Server", "server_target_latency": "30ms"},
        {"threads": 1},
        {"count": 3},
    ],
)
def test_another_model_scenario_bound_or_hand_has_a_layout_of_its_own(resolved, monkeypatch, other):
    seen: list[Path] = []
    monkeypatch.setattr(layout, "kept_layout", seen.append)
    for one in (resolved(layout_seconds=0), resolved(layout_seconds=0, **other)):
        assert settled(one).layout.origin == "rule"
    assert seen[0] != seen[1]


def test_other_cores_have_a_layout_of_their_own(resolved, monkeypatch):
    seen: list[Path] = []
    monkeypatch.setattr(layout, "kept_layout", seen.append)
    settled(resolved(layout_seconds=0))
    half = AllowedCores(allowed_cores().cores[:1], 0.5)
    monkeypatch.setattr(layout, "allowed_cores", lambda: half)
    settled(resolved(layout_seconds=0))
    assert len(set(seen)) == 2


def test_what_is_given_by_hand_stays_and_all_of_it_needs_no_search(resolved, unsearched):
    plan = settled(resolved(workers=3, threads=1, batch_size=2, instances=1))
    assert plan.layout.origin == "given" and plan.search is None
    assert (plan.execution.workers, plan.execution.batch_size) == (3, 2)


def test_a_score_alone_needs_no_search(resolved, unsearched):
    assert settled(resolved(mode="accuracy", options={})).layout.origin == "rule"


def test_a_trace_is_of_one_process(resolved):
    traced = resolved(layout_seconds=0).tracing(TracePlan(level="layer", batches=1, warmup=0))
    assert traced.plan.search.given.instances == 1


def test_a_model_that_cannot_be_measured_takes_the_rules_layout_and_says_so(resolved):
    one = resolved(
        options={"fail_at": 1}, scenario="SingleStream", layout="fresh", layout_seconds=30
    )
    plan = settled(one)
    assert plan.execution == one.plan.execution
    assert plan.layout.origin == "rule" and not plan.layout.name
    assert "nothing could be measured" in plan.layout.why and "fails at batch 1" in plan.layout.why


@pytest.mark.parametrize("instances", [1, 2])
def test_a_process_is_not_loaded_before_it_has_answered(resolved, tmp_path, instances):
    plan = resolved(options={"fail_at": 1}, instances=instances, workers=instances).plan
    probes = Probes(plan, tmp_path, [plan.execution], 0, lambda: None, lambda process: None)
    until = time.monotonic() + 60
    probes.load(until, until)
    try:
        assert [one for one in probes.failures() if "fails at batch 1" in one]
    finally:
        probes.close()


def test_what_looks_can_end_the_search(resolved):
    def look(left):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        settled(resolved(layout="fresh"), look)


def test_what_tune_found_is_taken_by_the_runs_to_come(resolved, unsearched):
    one = resolved("MultiStream")
    best = Execution(2, 1, 1)
    keep_tuned(one.plan, one.record("", ()), best, "by tune: 3 ms p99")
    plan = settled(resolved("MultiStream"))
    assert (plan.execution, plan.layout.why) == (best, "by tune: 3 ms p99")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layout: {workers: 0}", "workers"),
        ("layout: {cores: 2}", "unknown key 'layout.cores'"),
        ("workers: 2", "layout"),
    ],
)
def test_a_file_that_is_none_is_refused(resolved, tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        resolved(layout=str(path))
    with pytest.raises(InputError, match=r"gone\.yaml"):
        resolved(layout=str(tmp_path / "gone.yaml"))


def test_a_bad_default_of_the_environment_is_named(resolved, monkeypatch):
    monkeypatch.setenv(LAYOUT_VARIABLE, "soon")
    with pytest.raises(InputError, match="LOADSCOPE_LAYOUT_SECONDS: expected seconds"):
        resolved(layout_seconds=None)


def test_server_is_compared_by_what_comes_in_time(resolved):
    fixed = {"threads": 1, "instances": 1, "layout_seconds": 5}
    plan = settled(resolved("Server", server_target_latency="70ms", layout="fresh", **fixed))
    assert plan.layout.unit == "queries/s" and plan.execution.late_after_ms == 70
