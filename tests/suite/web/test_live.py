"""What a page that watches is sent: events with numbers, an end, and no more watchers than that."""

import json
import shutil
from datetime import timedelta

import pytest

from loadscope.names import Mode
from loadscope.rundir.progress import (
    LiveProgress,
    Phase,
    remove_progress,
    utc_now,
    write_progress,
)
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
