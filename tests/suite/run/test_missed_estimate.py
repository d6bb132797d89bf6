"""A test that ended early because its calibration was too slow is run again."""

import json

import pytest

from loadscope.rundir.record import Calibration
from loadscope.suite.cli.main import main
from loadscope.suite.run.launcher import run_child


@pytest.fixture
def run(tiny_dataset, manifest, tmp_path, cache, monkeypatch):
    """Run the tiny model in this process, with user.conf's estimate taken for a calibration."""
    attempts = []

    def calibrated(*arguments):
        outcome = run_child(*arguments)
        attempts.append((tmp_path / "out/user.conf").read_text())
        if len(attempts) == 1:
            slow = Calibration(key="slow", value=1, measured=1, reason="")
            outcome = outcome.model_copy(update={"calibration": slow})
        return outcome

    def start(scenario, *more):
        monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("loadscope.suite.run.launcher.run_child", calibrated)
        command = (
            "loadscope", "run", "--models", manifest(delay_us=500), "--model", "tiny",
            "--framework", "null", "--dataset-path", tiny_dataset, "--output", "out",
            "--scenario", scenario, "--min-duration", "500ms", "--min-query-count", "64", *more,
        )  # fmt: skip
        monkeypatch.setattr("sys.argv", list(map(str, command)))
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        return attempts, json.loads((tmp_path / "out/result.json").read_text())

    return start


@pytest.mark.parametrize(
    ("scenario", "slow"),
    [("SingleStream", ("--target-latency", "50ms")), ("Offline", ("--target-qps", "10"))],
)
def test_a_further_attempt_is_told_what_the_last_saw(run, scenario, slow):
    attempts, result = run(scenario, *slow)
    assert len(attempts) in (2, 3)
    calibration = result["state"]["performance"]["calibration"]
    assert calibration["corrections"] == len(attempts) - 1
    assert f"{calibration['key']} = {calibration['value']:g}" in attempts[-1]
    # A machine that becomes faster from attempt to attempt uses up all three.
    assert result["valid"] is True or len(attempts) == 3, result["invalid_reasons"]


def test_an_estimate_that_holds_is_left_alone(run):
    attempts, _ = run("SingleStream", "--target-latency", "0.1ms")
    assert len(attempts) == 1


def test_the_rate_of_server_is_never_changed(run):
    attempts, _ = run("Server", "--target-qps", "50", "--target-latency", "500ms")
    assert len(attempts) == 1
