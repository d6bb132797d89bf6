"""Campaigns on Slurm: against commands that speak its text, and against a real one where it is."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import JsonValue

from loadscope.errors import InputError
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.campaign.dispatcher import HostUnreachable
from loadscope.suite.campaign.grid import read_grid
from loadscope.suite.campaign.job import Job
from loadscope.suite.campaign.journal import read_journal
from loadscope.suite.campaign.slurm.dispatcher import SLURM, SlurmHost, SlurmSettings

COMMANDS = ("sbatch", "squeue", "sacct", "scancel", "sinfo", "srun")


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Commands on the path; their folder, which is also what they know."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    (folder / "nodes.json").write_text(json.dumps({"n1": "idle", "n2": "down*"}))
    stand_in = Path(__file__).with_name("slurm_stand_in.py").read_text("utf-8")
    binaries = tmp_path / "slurm-bin"
    binaries.mkdir()
    for name in COMMANDS:
        (binaries / name).write_text(f"#!{sys.executable} -P\n{stand_in}")
        (binaries / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{binaries}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_STAND_IN", str(folder))
    yield folder
    for pid in folder.glob("*/pid"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(pid.read_text()), signal.SIGKILL)


@pytest.fixture
def host(slurm, tmp_path):
    """The node n1 and its folder."""
    return SlurmHost("n1", tmp_path / "shared" / "n1", SlurmSettings(shared_seconds=0.0))


def job(**more):
    settings: dict[str, JsonValue] = {
        "model": "none", "framework": "null", "scenario": "Offline",
    }  # fmt: skip
    return Job(id="r1-1", campaign="autumn", host="n1", settings=settings, **more)


def waited(host, *statuses, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        state = host.state("autumn", "r1-1")
        if state.status in statuses:
            return state
        assert time.monotonic() < deadline, state
        time.sleep(0.05)


def test_a_campaign_runs_on_a_node_with_nothing_of_slurms_environment(
    slurm, campaign_file, loadscope, environment, tmp_path
):
    environment |= {name: os.environ[name] for name in ("PATH", "SLURM_STAND_IN")}
    file = campaign_file(hosts=["n1"], dispatcher="slurm")
    told = json.loads(loadscope("campaign", "start", file, "--json").stdout)
    assert told["counts"] == {"finished": 1}
    folder = tmp_path / "autumn"
    (cell,) = read_grid(folder).cells
    assert (cell.tries, cell.host) == (1, "n1")
    # The stand-in sets OMP_NUM_THREADS for all, as a site may.
    assert RunDirectory(folder / cell.path).read().host.environment == {}
    assert len([one for one in slurm.iterdir() if one.name.isdigit()]) == 1
    assert [event.kind for event in read_journal(folder)].count("assigned") == 1


def test_a_job_that_fails_says_why_and_is_found_started_however_often_it_is_asked_for(host, slurm):
    for _ in range(3):
        host.start(job())
    state = waited(host, "ended")
    assert state.outcome.status == "failed"
    assert "unknown model 'none'" in state.outcome.message
    assert host.start(job()).status == "ended"
    assert [one.name for one in slurm.iterdir() if one.name.isdigit()] == ["1"]


def test_a_job_that_slurm_took_before_a_crash_is_not_handed_in_again(host, slurm, tmp_path):
    (slurm / "nodes.json").write_text(json.dumps({"n1": "drained"}))
    host.start(job())
    note = tmp_path / "shared/n1/campaign/autumn/r1-1/slurm.json"
    note.unlink()
    assert host.state("autumn", "r1-1").status == "absent"
    state = host.start(job())
    assert (state.status, state.said) == ("waiting", "Slurm: pending: Resources")
    assert json.loads(note.read_text())["number"] == 1


def test_what_slurm_says_of_a_vanished_job_is_told(host, slurm):
    (slurm / "nodes.json").write_text(json.dumps({"n1": "drained"}))
    host.start(job())
    (slurm / "1" / "gone").write_text("NODE_FAIL")
    assert host.state("autumn", "r1-1").said == "Slurm: not known to slurm any more"
    (slurm / "accounting").touch()
    state = host.state("autumn", "r1-1")
    assert (state.status, state.said) == ("lost", "Slurm: node_fail")


def test_a_waiting_job_is_cancelled_at_once(host, slurm):
    (slurm / "nodes.json").write_text(json.dumps({"n1": "drained"}))
    host.start(job())
    host.cancel("autumn", "r1-1")
    state = host.state("autumn", "r1-1")
    assert (state.status, state.outcome.status) == ("ended", "cancelled")


def test_a_controller_that_is_away_loses_nothing(host, slurm):
    (slurm / "nodes.json").write_text(json.dumps({"n1": "drained"}))
    host.start(job())
    (slurm / "away").touch()
    with pytest.raises(HostUnreachable, match="Unable to contact slurm controller"):
        host.state("autumn", "r1-1")
    with pytest.raises(HostUnreachable):
        host.facts()
    (slurm / "away").unlink()
    assert host.state("autumn", "r1-1").status == "waiting"


def test_a_busy_node_is_no_fault_of_it(host, slurm):
    facts = host.facts()
    assert (facts.name, facts.python) == ("n1", sys.version.split()[0])
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    busy = slurm / "7"
    busy.mkdir()
    (busy / "job.json").write_text(json.dumps({"node": "n1"}))
    (busy / "pid").write_text(str(process.pid))
    with pytest.raises(HostUnreachable, match="another job of the cluster has it"):
        host.facts()
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("settings", "hosts", "said"),
    [
        ({"partion": "x"}, ("n1",), "dispatcher_settings: partion"),
        ({}, ("n1", "n9"), "Slurm has no node n9"),
    ],
)
def test_wrong_settings_are_told_before_anything_runs(slurm, tmp_path, settings, hosts, said):
    with pytest.raises(InputError, match=said), SLURM.open(tmp_path, hosts, settings):
        pass


def test_what_sbatch_refuses_is_an_error_of_the_settings(slurm, tmp_path):
    host = SlurmHost("n1", tmp_path / "shared", SlurmSettings(partition="gpu"))
    with pytest.raises(InputError, match="Invalid partition name specified"):
        host.start(job())


def test_without_slurm_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="sinfo not found") as found, SLURM.open(tmp_path, (), {}):
        pass
    assert "slurm-client" in found.value.fix


def test_nodes_that_are_down_are_not_there(slurm, tmp_path):
    with SLURM.open(tmp_path, ("n1", "n2"), {}) as dispatcher:
        assert dispatcher.hosts() == ("n1",)
