"""A backend of another package: found by its entry point, listed and run like the others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadscope.errors import InputError
from loadscope.sut.info import BackendInfo
from loadscope.sut.registry import BACKENDS, backend_info, frameworks

OUTSIDE = Path(__file__).with_name("outside")
NAME = "numpy-average"


@pytest.fixture
def outside(kept_cache, tmp_path):
    """Run a command where the package is installed."""
    environment = {**os.environ, "LOADSCOPE_CACHE": str(kept_cache), "PYTHONPATH": str(OUTSIDE)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-P", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_is_listed_and_takes_the_onnx_file_that_is_there(outside):
    found = json.loads(outside("-m", "loadscope", "doctor", "--json"))
    (finding,) = [one for one in found if one["part"] == "NumPy Average"]
    assert (finding["status"], finding["detail"]) == ("ok", "1.0")
    lite = json.loads(outside("-m", "loadscope", "models", "show", "efficientnet-lite0", "--json"))
    assert NAME in lite["artifacts"]["onnxruntime"]["frameworks"]
    assert NAME not in lite["artifacts"]["pytorch"]["frameworks"]


def test_its_code_is_imported_only_when_it_is_chosen(outside):
    code = "import sys; from loadscope.sut.registry import *; {}; print(*sys.modules)"
    assert "outside_backend" not in outside("-c", code.format("backend_info('null')"))
    listed = outside("-c", code.format("frameworks()")).split()
    assert "outside_backend.info" in listed and "outside_backend.backend" not in listed
    chosen = outside("-c", code.format(f"open_backend({NAME!r})")).split()
    assert "outside_backend.backend" in chosen


def test_it_runs_under_loadgen_and_is_traced(outside, tmp_path):
    asked = (
        "--model", "efficientnet-lite0", "--framework", NAME, "--scenario", "Offline",
        "--dataset-path", "imagenet-sample20",
    )  # fmt: skip
    said = outside(
        "-m", "loadscope", "run", *asked, "--min-duration", "100ms", "--mode", "performance",
        "--mode", "accuracy", "--option", "dtype=float64", "--output", "run", "--json",
    )  # fmt: skip
    result = json.loads(said)
    assert result["numerics"] == "float64"
    assert result["metric"]["value"] > 0
    # It says nothing of the photographs, and is scored like one that does.
    assert 0 <= result["accuracy"]["value"] <= 20
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["versions"][NAME] == "1.0"
    assert record["state"]["performance"]["in_force"]["dtype"] == "float64"
    said = outside(
        "-m", "loadscope", "trace", *asked, "--level", "framework", "--batches", "2",
        "--output", "trace", "--json",
    )  # fmt: skip
    assert json.loads(said)["predicts"] == 2


def test_one_that_cannot_be_read_hinders_no_other(backends):
    backends(broken=7, misnamed=BackendInfo("other", "Other", "m:C", "", (), "", ()))
    assert "onnxruntime" in frameworks() and "broken" in BACKENDS
    with pytest.raises(InputError, match=r"'broken' .*: expected a BackendInfo of that name, got"):
        backend_info("broken")
    with pytest.raises(InputError, match=r"'misnamed' .*, got 'other'"):
        backend_info("misnamed")


def test_names_that_are_near_are_offered():
    with pytest.raises(InputError, match="unknown framework 'onnxruntme'") as caught:
        backend_info("onnxruntme")
    assert caught.value.fix.startswith("did you mean 'onnxruntime'? use one of: ")
    assert "null" not in frameworks()
