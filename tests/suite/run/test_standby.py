"""The measured process that is started beside the command's imports."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from loadscope.suite.cli import main as command
from loadscope.suite.run import noise, standby
from loadscope.suite.run.noise import NoiseWatch

FRAMEWORKS = ["torch", "onnxruntime", "openvino", "tensorflow", "mxnet", "jax"]


@pytest.fixture(autouse=True)
def none_left():
    yield
    standby.discard()


@pytest.fixture
def waiting():
    standby.prepare()
    number = standby.waiting_process()
    assert number is not None
    return number


def test_a_run_is_measured_by_the_process_that_waited(
    start, tiny_dataset, manifest, tmp_path, wait_for, child_of
):
    process = start(
        "run", "--models", manifest(delay_us=2000), "--model", "tiny", "--framework", "null",
        "--scenario", "SingleStream", "--dataset-path", tiny_dataset, "--output", "out",
    )  # fmt: skip
    counter = tmp_path / "out/performance/run_1.partial/progress.bin"
    wait_for(counter.exists, process)
    child = child_of(process)
    assert "loadscope.suite.worker.standby" in child.cmdline()
    assert child.cwd() == str(counter.parent)
    assert (counter.parent / "process.log").exists()
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert not child.is_running()


def test_it_has_imported_no_framework():
    code = "import sys, loadscope.suite.worker.test_process; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "mlperf_loadgen" in loaded
    assert not set(FRAMEWORKS).intersection(loaded)


def test_only_one_waits_at_a_time(waiting):
    standby.prepare()
    assert standby.waiting_process() == waiting


@pytest.mark.parametrize("arguments", [["--model", "no-such-model"], ["--no-such-option"]])
def test_what_is_refused_leaves_no_process(arguments, monkeypatch, capsys):
    seen = []

    def prepare():
        standby.prepare()
        number = standby.waiting_process()
        assert number is not None
        seen.append(number)

    monkeypatch.setattr(command, "prepare", prepare)
    monkeypatch.setattr(sys, "argv", ["loadscope", "run", *arguments])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert capsys.readouterr().err
    assert seen and not psutil.pid_exists(seen[0])


def test_help_and_other_commands_start_none(monkeypatch):
    monkeypatch.setattr(command, "prepare", lambda: pytest.fail("a process was started"))
    for arguments in (["run", "--help"], ["trace", "-h"], ["models", "--json"]):
        monkeypatch.setattr(sys, "argv", ["loadscope", *arguments])
        with pytest.raises(SystemExit, match="0"):
            command.main()


@pytest.mark.parametrize("forked", ["", "os.fork() or time.sleep(600);"])
def test_it_ends_with_a_command_that_is_killed(forked, wait_for):
    """Even while a fork of the command, which has the pipe too, goes on."""
    code = (
        "import os, time; from loadscope.suite.run import standby; standby.prepare();"
        f"{forked} print(standby.waiting_process(), flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout
    waiting = int(parent.stdout.readline())
    try:
        parent.kill()
        parent.wait()
        wait_for(lambda: not psutil.pid_exists(waiting) or _is_over(waiting))
    finally:
        if forked:
            os.killpg(parent.pid, signal.SIGKILL)
        parent.stdout.close()


def _is_over(number):
    # Whoever adopts it need not wait for it.
    return psutil.Process(number).status() == psutil.STATUS_ZOMBIE


def test_it_is_not_taken_in_another_environment_or_on_other_cpus(waiting, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert standby.take(["run", "performance"], tmp_path) is None
    assert not psutil.pid_exists(waiting)
    allowed = os.sched_getaffinity(0)
    if len(allowed) > 1:
        standby.prepare()
        try:
            os.sched_setaffinity(0, {min(allowed)})
            assert standby.take(["run", "performance"], tmp_path) is None
        finally:
            os.sched_setaffinity(0, allowed)
        assert standby.waiting_process() is None


def test_one_that_has_died_is_not_taken(waiting, tmp_path):
    psutil.Process(waiting).kill()
    psutil.Process(waiting).wait()
    assert standby.take(["run", "performance"], tmp_path) is None


def test_what_it_did_before_the_test_is_not_the_tests(monkeypatch):
    monkeypatch.setattr(noise, "_busy_seconds", lambda times: 100.0)
    monkeypatch.setattr(noise, "_own_seconds", lambda: 10.0)
    monkeypatch.setattr(noise, "_tree_seconds", lambda process: 3.0)
    watch = NoiseWatch(1)
    start, cores = watch._first, psutil.cpu_count() or 1
    monkeypatch.setattr("time.monotonic", lambda: start.clock + 10)
    monkeypatch.setattr(noise, "_busy_seconds", lambda times: 100.0 + 4 * cores)
    # It ends after 5 seconds of its own in all, 2 of them within the test.
    monkeypatch.setattr(noise, "_own_seconds", lambda: 15.0)
    assert watch.finish().others_percent == pytest.approx(
        100 * (4 * cores - 2) / (10 * cores), 0.01
    )
