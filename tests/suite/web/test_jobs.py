"""The queue of runs: its order, one at a time, and what outlives the server."""

import signal
import time

import psutil
import pytest

from loadscope.errors import InputError
from loadscope.suite.run.machine import measuring
from loadscope.suite.web import jobs as jobs_module
from loadscope.suite.web.jobs import Jobs

UNKNOWN = ("--model", "nonsense", "--framework", "onnxruntime", "--scenario", "Offline")


@pytest.fixture
def jobs(tmp_path, cache, monkeypatch):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))
    (tmp_path / "runs").mkdir()
    return Jobs(tmp_path / "runs")


@pytest.fixture
def busy(tmp_path, jobs):
    """While another test of this machine runs, nothing is started."""
    with measuring(tmp_path / "other"):
        yield


def now(jobs, job):
    return jobs.get(job.id)


def ended(jobs, job):
    while (found := now(jobs, job)).state == "running":
        jobs.step()
        time.sleep(0.05)
    return found


def test_jobs_wait_in_an_order_that_can_be_changed(jobs, busy):
    one, two, three = (jobs.ask(UNKNOWN, title) for title in ("one", "two", "three"))
    assert [job.title for job in jobs.all()] == ["one", "two", "three"]
    jobs.move(three, 0)
    assert [job.title for job in jobs.all()] == ["three", "one", "two"]
    jobs.move(jobs.get(one.id), 9)
    assert [job.title for job in jobs.all()] == ["three", "two", "one"]
    jobs.move(jobs.get(three.id), 1)
    assert [job.title for job in jobs.all()] == ["two", "three", "one"]
    assert [jobs.turn(job) for job in jobs.all()] == [(1, 3), (2, 3), (3, 3)]
    jobs.move(jobs.get(three.id), 0)
    jobs.cancel(jobs.get(two.id))
    assert [(job.title, job.state) for job in jobs.all()] == [
        ("three", "waiting"), ("one", "waiting"), ("two", "cancelled"),
    ]  # fmt: skip
    assert jobs.turn(two) is None
    jobs.step()
    assert {job.pid for job in jobs.all()} == {None}


def test_no_more_wait_than_can_be_looked_over(jobs, busy, monkeypatch):
    monkeypatch.setattr(jobs_module, "MOST_WAITING", 1)
    jobs.ask(UNKNOWN, "one")
    with pytest.raises(InputError, match="1 runs wait already"):
        jobs.ask(UNKNOWN, "two")


def test_one_runs_at_a_time_and_the_next_when_it_has_ended(jobs, tmp_path):
    with measuring(tmp_path / "other"):
        first, second = jobs.ask(UNKNOWN, "first"), jobs.ask(UNKNOWN, "second")
    jobs.step()
    assert [jobs.get(job.id).state for job in (first, second)] == ["running", "waiting"]
    assert ended(jobs, first).status == 2
    assert "unknown model 'nonsense'" in jobs.log(first)
    assert jobs.get(second.id).state == "running"
    jobs.cancel(jobs.get(second.id))
    assert jobs.get(second.id).state == "cancelled"
    assert jobs._processes[second.id].wait(30) == -signal.SIGTERM


def test_another_server_finds_a_run_again_and_can_end_it(jobs, tmp_path):
    job = jobs.ask(UNKNOWN, "begun by a server that is gone")
    process = psutil.Process(now(jobs, job).pid)
    process.suspend()
    later = Jobs(tmp_path / "runs")
    waiting = later.ask(UNKNOWN, "second")
    later.step()
    assert now(later, job).state == "running" and now(later, waiting).state == "waiting"
    later.cancel(now(later, waiting))
    later.cancel(now(later, job))
    assert later.ending(now(later, job)) and not later.ending(now(later, waiting))
    process.resume()
    jobs._processes[job.id].wait(30)
    assert not later.ending(now(later, job))
    assert now(later, job).state == "cancelled"


def test_a_process_of_the_same_number_is_not_taken_for_the_run(jobs, busy):
    job = jobs.ask(UNKNOWN, "old")
    own = psutil.Process()
    told = {"state": "running", "pid": own.pid, "began": own.create_time() - 60}
    jobs._write(job.model_copy(update=told))
    jobs.step()
    assert (jobs.get(job.id).state, jobs.get(job.id).status) == ("ended", None)
