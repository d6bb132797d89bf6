"""Runs whose model is in another Python: an environment that ``loadscope env`` makes."""

import json
import os

import pytest

from loadscope.rundir.accuracy_log import read_accuracy_log


@pytest.fixture(scope="module")
def made(cache, command_process, tmp_path_factory):
    """A cache with the environment of the null backend, a Python without packages."""
    folder = tmp_path_factory.mktemp("env")
    environment = {**os.environ, "LOADSCOPE_CACHE": str(cache)}

    def env(*arguments):
        return command_process.run("env", *arguments, cwd=folder, environment=environment)

    done = env("create", "null-interpreter")
    assert done.returncode == 0, done.stderr
    return env


@pytest.fixture
def arguments(tiny_dataset, manifest, made):
    def make(scenario, *more):
        return (
            "run", "--models", manifest(), "--model", "tiny", "--framework",
            "null-interpreter", "--scenario", scenario, "--dataset-path", tiny_dataset,
            "--output", "out", "--min-duration", "200ms", "--json", *more,
        )  # fmt: skip

    return make


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server"])
def test_a_scenario_runs(loadscope, arguments, tmp_path, scenario):
    rate = ("--target-qps", 50) if scenario == "Server" else ()
    result = json.loads(loadscope(*arguments(scenario, *rate)).stdout)
    assert result["metric"]["value"] > 0
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["state"]["performance"]["in_force"]["python"].startswith("3.")


def test_instances_have_a_worker_each(loadscope, arguments, tmp_path):
    loadscope(*arguments("Offline", "--instances", 2, "--mode", "accuracy"))
    answers = list(read_accuracy_log(tmp_path / "out" / "accuracy" / "mlperf_log_accuracy.json"))
    assert len(answers) == 24


def test_a_worker_that_dies_under_loadgen_ends_the_run(loadscope, arguments):
    done = loadscope(*arguments("SingleStream", "--option", "end_at=100"), status=1)
    assert "its worker (Python" in done.stderr and "ended with status 3" in done.stderr
    assert len(done.stderr.strip().splitlines()[-2:]) == 2


def test_an_environment_is_made_once_listed_and_removed(made, cache):
    folder = cache / "environments" / "null-interpreter"
    assert f"already there: {folder}" in made("create", "null-interpreter").stdout
    (found,) = [
        one
        for one in json.loads(made("list", "--json").stdout)
        if one["name"] == "null-interpreter"
    ]
    assert (found["state"], found["folder"]) == ("ready", str(folder))
    assert made("remove", "null-interpreter").returncode == 0
    assert not folder.exists()
    again = made("remove", "null-interpreter")
    assert again.returncode == 2 and "has no environment at" in again.stderr
    assert made("create", "null-interpreter").returncode == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("create", "nul-interpreter"), "did you mean 'null-interpreter'?"),
        (("create", "onnxruntime"), "the others are installed with pip"),
        (("create", "null-interpreter", "--python", "/bin/true"), "cannot run /bin/true"),
    ],
)
def test_what_env_cannot_do_is_told(made, asked, said):
    done = made(*asked)
    assert done.returncode == 2
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 2
