"""``loadscope run`` of a real reader, from its wheel and our delta to a scored log."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.command import CommandProcess

LONG = pytest.mark.long

# What is told need not be calibrated, and tests of accuracy take as long as they take.
TOLD = {
    "SingleStream": ("--expected-latency", "50ms"),
    "MultiStream": ("--expected-latency", "50ms"),
    "Offline": ("--target-qps", "20"),
    "Server": ("--target-qps", "20"),
}


@pytest.fixture
def accuracy_of(tmp_path: Path, kept_cache: Path, command_process: CommandProcess) -> Any:
    def run(framework: str, scenario: str, data: object, *more: str) -> dict[str, Any]:
        arguments = (
            "run", "--model", "minilm-squad", "--framework", framework, "--scenario", scenario,
            "--mode", "accuracy", "--dataset-path", str(data), "--threads", "1", "--json",
            *TOLD[scenario], *more,
        )  # fmt: skip
        environment = {**os.environ, "LOADSCOPE_CACHE": str(kept_cache)}
        done = command_process.run(*arguments, cwd=tmp_path, environment=environment, timeout=500)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)["accuracy"]
        return found

    return run


@pytest.mark.parametrize("framework", ["onnxruntime", pytest.param("pytorch", marks=LONG)])
@pytest.mark.parametrize("scenario", TOLD)
def test_the_shipped_questions_score_the_same_in_every_scenario(
    accuracy_of: Any, framework: str, scenario: str
) -> None:
    accuracy = accuracy_of(framework, scenario, "squad-sample")
    assert (accuracy["metric"], accuracy["samples"]) == ("f1", 84)
    # Seen: 79.8. Unseen questions; one answer more or less is 1.2.
    assert accuracy["value"] == pytest.approx(79.8, abs=1.5)


@LONG
@pytest.mark.real_data
def test_real_questions_are_answered_as_in_training(accuracy_of: Any, real_data: Path) -> None:
    accuracy = accuracy_of("onnxruntime", "Offline", real_data / "squad", "--count", "192")
    assert accuracy["samples"] == 192
    # Of all 641 it is 99.2; one answer more or less is 0.5.
    assert accuracy["value"] == pytest.approx(99.2, abs=0.6)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("framework", "scenario"),
    [
        ("onnxruntime", "Server"),
        pytest.param("pytorch", "Offline", marks=LONG),
        pytest.param("tensorflow", "Server", marks=LONG),
        pytest.param("mxnet", "Offline", marks=LONG),
    ],
)
def test_the_first_of_them_are_answered_alike_on_every_framework(
    accuracy_of: Any, real_data: Path, framework: str, scenario: str
) -> None:
    accuracy = accuracy_of(framework, scenario, real_data / "squad", "--count", "64")
    assert accuracy["samples"] == 64
    # One answer more or less is 1.6.
    assert accuracy["value"] == pytest.approx(99.01, abs=0.1)
