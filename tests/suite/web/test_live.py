"""What a page that watches is sent: events with numbers, an end, and no more watchers than that."""

import json
import shutil
from datetime import timedelta

import pytest

from loadscope.names import Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.progress import (
    LiveProgress,
    NoiseSoFar,
    Phase,
    remove_progress,
    utc_now,
    write_progress,
)
from loadscope.suite.run.machine import measuring
from loadscope.suite.web.jobs import Jobs
from loadscope.suite.web.pages import live


@pytest.fixture
def run(make_run, tmp_path):
    (tmp_path / "runs").mkdir()
    shutil.move(make_run("one"), tmp_path / "runs")
    return tmp_path / "runs" / "one"


def says(answered, updated=None):
    return LiveProgress(
        test=Mode.PERFORMANCE, phase=Phase.RUNNING, updated=updated or utc_now(), elapsed_s=1,
        left_s=2, queries_issued=9, queries_answered=answered,
    )  # fmt: skip


def opened(visitor, **headers):
    (row,) = visitor.get("/runs.json").json()["runs"]
    return visitor.get(f"/live/{row['uid']}/events", stream=True, headers=headers)


def test_events_are_numbered_and_end_with_the_run(visit, run, monkeypatch):
    monkeypatch.setattr(live, "_SECONDS", 0.01)
    write_progress(run, says(3))
    visitor = visit(run.parent)
    lines = opened(visitor, **{"Last-Event-ID": "41"}).iter_lines(decode_unicode=True)
    assert next(lines) == "id: 42"
    told = json.loads(next(lines).removeprefix("data: "))
    assert told["state"] == "running" and told["progress"]["queries_answered"] == 3
    assert told["run"]["rehearsal"] == ["min_duration 5 s instead of 600 s"]
    write_progress(run, says(5))
    assert (next(lines), next(lines)) == ("", "id: 43")
    assert json.loads(next(lines).removeprefix("data: "))["progress"]["queries_answered"] == 5
    remove_progress(run)
    rest = [line for line in lines if line]
    assert rest[0] == "id: 44" and json.loads(rest[1].removeprefix("data: "))["state"] == "ended"
    assert rest[2:] == ["event: over", "data: {}"]


def test_nothing_new_is_a_comment_and_watchers_are_counted(visit, run, monkeypatch, wait_for):
    monkeypatch.setattr(live, "_SECONDS", 0.01)
    monkeypatch.setattr(live, "_HEARTBEAT", 0.02)
    monkeypatch.setattr(live, "MOST_WATCHERS", 1)
    write_progress(run, says(3))
    visitor = visit(run.parent)
    first = opened(visitor)
    lines = first.iter_lines(decode_unicode=True)
    assert any(line == ": still there" for line in lines)
    assert opened(visitor).status_code == 429
    first.close()
    wait_for(lambda: opened(visitor).status_code == 200)
    remove_progress(run)


def test_a_run_that_was_killed_is_not_called_running(visit, run):
    write_progress(run, says(3, utc_now() - timedelta(minutes=1)))
    text = opened(visit(run.parent)).text
    assert '"state": "killed"' in text and text.endswith("event: over\ndata: {}\n\n")


def test_a_run_that_a_terminal_has_started_is_shown_before_the_index_knows_it(visit, run, tmp_path):
    uid = str(RunDirectory(run).read().uid)
    elsewhere, runs = tmp_path / "kept", run.parent
    shutil.move(run, elsewhere)
    visitor = visit(runs)
    assert visitor.get(f"/live/{uid}").status_code == 404
    shutil.move(elsewhere, run)
    write_progress(run, says(3))
    # Told by its progress alone, as of another machine, and by its lock, as of this one.
    shown = visitor.get(f"/live/{uid}").text
    assert '"queries_answered": 3' in shown and '"noisy": false' in shown
    assert "Running now" not in visitor.get("/").text
    loud = NoiseSoFar(others_percent=50, steal_percent=0)
    write_progress(run, says(3).model_copy(update={"noise": loud}))
    assert '"noisy": true' in visitor.get(f"/live/{uid}").text
    with measuring(run):
        assert f'href="/live/{uid}"' in visitor.get("/").text
        assert f'measuring: <a href="/live/{uid}">' in visitor.get("/launch").text
        stream = visitor.get(f"/live/{uid}/events", stream=True)
        lines = stream.iter_lines(decode_unicode=True)
        assert [next(lines)[:5] for _ in range(2)] == ["id: 1", "data:"]
        assert visitor.post(f"/live/{uid}/cancel").status_code == 303
    remove_progress(run)
    assert "event: over" in list(lines)
    assert visitor.get(f"/live/{uid}").status_code == 404


def test_a_queue_is_put_in_order_on_its_page(visit, tmp_path):
    visitor = visit()
    with measuring(tmp_path / "other"):
        jobs = Jobs(visitor.site.runs)
        first, second, third = (jobs.ask(("--model", name), name) for name in ("a", "b", "c"))
        for moved, sent, order in (
            (third, ["1"], "cab"), (first, ["2", "3"], "cba"), (second, ["99"], "cab"),
        ):  # fmt: skip
            answer = visitor.post(f"/jobs/{moved.id}/move", {"place": sent})
            assert answer.status_code == 303
            assert "".join(job.title for job in jobs.all()) == order
        assert '"turn": [2, 3]' in visitor.get(f"/jobs/{first.id}").text
        page = visitor.get("/launch").text
        assert 'aria-label="Move b up"' in page and page.count("disabled>") == 2
        for wrong in ("0", "-1", "x", "\N{ARABIC-INDIC DIGIT ONE}", ""):
            answer = visitor.post(f"/jobs/{third.id}/move", {"place": wrong})
            assert answer.status_code == 422 and "expected a number" in answer.text
        for job in jobs.all():
            jobs.cancel(job)


def test_the_time_of_a_run_is_told_by_an_earlier_one(visit, run):
    asked = {"model": "efficientnet-lite0", "framework": "onnxruntime", "scenario": "SingleStream",
             "action": "check"}  # fmt: skip
    unknown = visit().post("/launch", {**asked, "framework": "pytorch"}).text
    assert "It takes about 10.3 minutes, at least, by the round" in unknown
    record = RunDirectory(run).read()
    known = {"model": record.model.id, "framework": record.spec.framework,
             "scenario": str(record.scenario), "action": "check"}  # fmt: skip
    assert "an earlier run" in visit(run.parent).post("/launch", known).text
