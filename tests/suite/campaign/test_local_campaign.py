"""Campaigns on this machine by the command: real LoadGen, the null backend, real kills."""

import json
import os
import signal

import pytest

from loadscope.rundir.directory import RunDirectory
from loadscope.suite.campaign.grid import read_grid
from loadscope.suite.campaign.journal import read_journal


def cells(folder):
    return [(cell.status, cell.tries) for cell in read_grid(folder).cells]


def test_a_killed_coordinator_is_gone_on_with_and_nothing_runs_twice(
    campaign_file, loadscope, start, threads_set, environment, tmp_path, wait_for
):
    environment |= {name: os.environ[name] for name in ("OMP_NUM_THREADS", "PYTHONHASHSEED")}
    folder = tmp_path / "autumn"
    file = campaign_file(settings={"min_duration": "1500ms"})
    process = start("campaign", "start", file)
    wait_for(lambda: list(folder.glob("hosts/here/campaign/*/*/state.json")), process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert cells(folder) == [("assigned", 1)]
    done = loadscope("campaign", "resume", folder, "--json")
    told = json.loads(done.stdout)
    assert told["counts"] == {"finished": 1}
    (cell,) = told["cells"]
    assert cell["tries"] == 1
    assert cell["rehearsal"]
    assert [event.kind for event in read_journal(folder)].count("assigned") == 1
    # No variable that others have set for themselves has reached the test.
    record = RunDirectory(folder / cell["path"]).read()
    assert record.host.environment == {}
    # What is finished is not run again, however often it is asked for.
    journal = (folder / "journal.jsonl").read_bytes()
    again = loadscope("campaign", "start", file)
    assert "1 finished; 0 tries were repeats" in again.stdout
    assert "nothing to cancel" in loadscope("campaign", "cancel", folder).stdout
    assert (folder / "journal.jsonl").read_bytes() == journal
    assert not read_grid(folder).cancelled
    assert "box-tiny-null-SingleStream" in loadscope("campaign", "status", folder).stdout


def test_a_cancelled_campaign_ends_its_jobs_and_can_be_gone_on_with(
    campaign_file, loadscope, start, tmp_path, wait_for
):
    folder = tmp_path / "autumn"
    process = start("campaign", "start", campaign_file(settings={"min_duration": "60s"}))
    wait_for(lambda: list(folder.glob("hosts/here/campaign/*/*/run/progress.json")), process)
    refused = loadscope("campaign", "resume", folder, status=2)
    assert "another process carries this campaign out" in refused.stderr
    assert "the process that carries it out ends" in loadscope("campaign", "cancel", folder).stdout
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "fix: go on with loadscope campaign resume" in said
    assert cells(folder) == [("pending", 1)]
    grid = read_grid(folder)
    assert grid.cancelled
    assert grid.cells[0].reason == "cancelled"


def test_a_campaign_that_is_none_is_told(campaign_file, loadscope, tmp_path):
    for command in ("status", "resume", "cancel", "collect"):
        said = loadscope("campaign", command, tmp_path / "none", status=2).stderr
        assert "no campaign has been started in" in said
    said = loadscope("campaign", "plan", campaign_file(dispatcher="sask"), status=2).stderr
    assert "unknown dispatcher 'sask'" in said
    said = loadscope("campaign", "start", campaign_file(hosts=["a", "b"]), status=2).stderr
    assert "the dispatcher 'local' is this machine alone, but there are 2 hosts: a, b" in said


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        ("soon", "'soon' is not a time"),
        ("0", "'0' must be longer than zero"),
        ("1e400s", "expected 30 days at most"),
    ],
)
def test_a_wait_that_is_no_time_is_told(campaign_file, loadscope, tmp_path, wait, said):
    file = campaign_file()
    for command, what in (("start", file), ("resume", tmp_path / "autumn")):
        told = loadscope("campaign", command, what, "--wait", wait, status=2).stderr
        assert told.startswith(f"loadscope: --wait: {said}") and len(told.splitlines()) == 2
    assert not (tmp_path / "autumn").exists()


def test_a_plan_says_hours_and_rehearsals(campaign_file, loadscope, tmp_path):
    file = campaign_file(
        hosts=["a", "b"], scenarios=["Server"], modes=["performance", "accuracy", "compliance"],
        target={"each": False, "settings": {"min_duration": None, "min_query_count": None}},
        settings=None, dispatcher="dask", dispatcher_settings={"listen": "tls://127.0.0.1"},
    )  # fmt: skip
    told = json.loads(loadscope("campaign", "plan", file, "--json").stdout)
    (run,) = told["runs"]
    # Performance, TEST01 and TEST04 of 600 s each and 20 s of start, accuracy of 20 s at least.
    assert run["hours"] == (3 * 620 + 20) / 3600
    assert run["because"] == "at least, by the round's durations"
    assert run["hosts"] == ["a", "b"]
    assert [(host["runs"], host["hours"]) for host in told["hosts"]] == [
        (0.5, run["hours"] / 2)
    ] * 2
    assert "1 of 1 runs will be rehearsals" in loadscope("campaign", "plan", campaign_file()).stdout
