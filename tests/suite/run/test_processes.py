import json
import os
import signal
import subprocess
from datetime import timedelta

import psutil
import pytest

from loadscope.names import Mode
from loadscope.rundir.progress import read_progress, utc_now
from loadscope.suite.run.worker_process import end_worker, start_process


@pytest.fixture
def long_run(tiny_dataset, manifest, tmp_path):
    """Arguments of a run that answers at once and lasts ten minutes, and a sign of its life."""
    arguments = (
        "run", "--models", manifest(delay_us=2000), "--model", "tiny", "--framework", "null",
        "--scenario", "SingleStream", "--dataset-path", tiny_dataset, "--output", "out",
        "--mode", "accuracy", "--mode", "performance",
    )  # fmt: skip

    def measuring():
        counter = tmp_path / "out/performance/run_1.partial/progress.bin"
        return counter.exists() and counter.read_bytes()[:8].strip(bytes(1))

    return arguments, measuring


def shorten(folder):
    """Let what is left of a recorded run take a moment only."""
    record = json.loads((folder / "run.json").read_text())
    record["spec"]["min_duration"] = 100.0
    (folder / "run.json").write_text(json.dumps(record))


def states(folder):
    record = json.loads((folder / "run.json").read_text())
    return {mode: state["status"] for mode, state in record["state"].items()}


def test_ctrl_c_leaves_a_resumable_run_and_status_130(
    start, long_run, loadscope, tmp_path, wait_for, child_of
):
    arguments, measuring = long_run
    process = start(*arguments, "--json")
    wait_for(measuring, process)
    child = child_of(process)
    os.killpg(process.pid, signal.SIGINT)
    printed, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(printed)["error"] == {
        "message": "interrupted", "fix": "go on with loadscope run --resume out", "status": 130,
    }  # fmt: skip
    assert error.strip().splitlines()[-2:] == [
        "loadscope: interrupted",
        "  fix: go on with loadscope run --resume out",
    ]
    assert "Traceback" not in error
    assert not child.is_running()
    assert states(tmp_path / "out") == {"accuracy": "finished", "performance": "interrupted"}
    assert not (tmp_path / "out/performance/run_1").exists()

    log = tmp_path / "out/accuracy/mlperf_log_accuracy.json"
    written = log.stat().st_mtime_ns
    shorten(tmp_path / "out")
    (tmp_path / "out" / "user.conf").unlink()
    result = json.loads(loadscope("run", "--resume", "out", "--json").stdout)
    assert states(tmp_path / "out") == {"accuracy": "finished", "performance": "finished"}
    assert result["mode"] == "accuracy,performance"
    assert log.stat().st_mtime_ns == written, "a finished test was run again"


def test_kill_9_takes_the_measured_process_along_and_shows(
    start, long_run, loadscope, tmp_path, wait_for, child_of
):
    arguments, measuring = long_run
    process = start(*arguments)
    wait_for(measuring, process)
    child = child_of(process)
    process.kill()
    process.wait()
    child.wait(timeout=60)
    assert states(tmp_path / "out")["performance"] == "running"
    left = read_progress(tmp_path / "out")
    assert left is not None
    assert left.test is Mode.PERFORMANCE
    assert left.stale(utc_now() + timedelta(minutes=1))
    assert not (tmp_path / "out/performance/run_1").exists()
    # Unfinished work is told apart, not scored, and not overwritten.
    assert "unfinished" in loadscope("report", "out").stdout
    error = loadscope(*arguments, status=2).stderr
    assert "already exists and is not empty" in error and "--resume" in error
    shorten(tmp_path / "out")
    (tmp_path / "out" / "user.conf").unlink()
    loadscope("run", "--resume", "out")
    assert read_progress(tmp_path / "out") is None
    assert set(states(tmp_path / "out").values()) == {"finished"}


def test_a_killed_measured_process_fails_the_run(start, long_run, tmp_path, wait_for, child_of):
    arguments, measuring = long_run
    process = start(*arguments)
    wait_for(measuring, process)
    child_of(process).kill()
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "ended with signal SIGKILL" in error
    assert states(tmp_path / "out")["performance"] == "failed"


def test_two_runs_at_once_keep_apart(start, tiny_dataset, manifest, tmp_path):
    arguments = (
        "run", "--models", manifest(), "--model", "tiny", "--framework", "null", "--scenario",
        "Offline", "--dataset-path", tiny_dataset, "--min-duration", "200ms", "--json",
    )  # fmt: skip
    both = [start(*arguments), start(*arguments)]
    results = []
    for process in both:
        output, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        results.append(json.loads(output))
    assert results[0]["run_dir"] != results[1]["run_dir"]


def test_two_runs_into_one_folder_the_second_is_refused(
    start, long_run, loadscope, tmp_path, wait_for
):
    arguments, measuring = long_run
    process = start(*arguments)
    wait_for(measuring, process)
    before = (tmp_path / "out/run.json").read_bytes()
    for second in (arguments, ("run", "--resume", "out"), ("accuracy", "out")):
        assert "another process is running in it" in loadscope(*second, status=2).stderr
    assert (tmp_path / "out/run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("scenario", "option", "value"),
    [
        ("SingleStream", "--target-latency", "1ms"),
        ("MultiStream", "--target-latency", "1ms"),
        ("Offline", "--target-qps", "100"),
        ("Server", "--target-qps", "100"),
    ],
)
def test_a_backend_that_raises_ends_with_status_1(
    loadscope, tiny_dataset, manifest, tmp_path, scenario, option, value
):
    error = loadscope(
        "run", "--models", manifest(fail_at=12), "--model", "tiny", "--framework", "null",
        "--scenario", scenario, "--dataset-path", tiny_dataset, "--output", "out",
        option, value, status=1,
    ).stderr  # fmt: skip
    assert "RuntimeError: the null backend fails at batch 12 as asked" in error
    assert states(tmp_path / "out") == {"performance": "failed"}
    assert "RuntimeError" in loadscope("report", "out").stdout


def test_a_framework_that_waits_for_ever_at_its_end_does_not_hold_the_run(
    loadscope, environment, tiny_dataset, manifest, tmp_path
):
    # MXNet does at times, after its answers are given.
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, sys, time\n"
        "names = {'loadscope.suite.worker.' + name for name in ('test_process', 'replica')}\n"
        "if names & set(sys.orig_argv):\n"
        "    atexit.register(time.sleep, 3600)\n"
    )
    environment["PYTHONPATH"] = str(tmp_path)
    for number, more in enumerate(([], ["--instances", "2"])):
        loadscope(
            "run", "--models", manifest(), "--model", "tiny", "--framework", "null",
            "--scenario", "Offline", "--dataset-path", tiny_dataset, "--min-duration", "100ms",
            "--output", f"out{number}", *more, timeout=120,
        )  # fmt: skip
        assert states(tmp_path / f"out{number}") == {"performance": "finished"}


def test_a_process_that_is_ended_takes_those_along_that_it_started(tmp_path, monkeypatch):
    # As a search's process whose instances still load the model when its time is up: both would
    # go on for a minute.
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    (tmp_path / "starts_another.py").write_text(f"{code}; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    process = start_process(["starts_another"], None, subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as printed:
        other = psutil.Process(int(printed.readline()))
    end_worker(process)
    psutil.wait_procs([other], 10)
    assert not other.is_running() or other.status() == psutil.STATUS_ZOMBIE
