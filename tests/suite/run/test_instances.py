"""Runs whose model is held by several pinned processes."""

import json
import os
from pathlib import Path

import psutil
import pytest

from loadscope.rundir.accuracy_log import read_accuracy_log

CORES = sorted(os.sched_getaffinity(0))
pytestmark = pytest.mark.skipif(len(CORES) < 2, reason="this machine has one core")


@pytest.fixture
def arguments(tiny_dataset, manifest):
    def make(*more, scenario="Offline", **options):
        return (
            "run", "--models", manifest(**options), "--model", "tiny", "--framework", "null",
            "--scenario", scenario, "--dataset-path", tiny_dataset, "--output", "out", *more,
        )  # fmt: skip

    return make


@pytest.fixture
def instances_of(child_of):
    def find(process):
        children = child_of(process).children()
        return [one for one in children if "loadscope.suite.worker.replica" in one.cmdline()]

    return find


@pytest.fixture
def measuring(start, arguments, tmp_path, wait_for):
    """A run of two instances that lasts ten minutes, once it has answered something."""
    process = start(*arguments("--instances", 2, "--target-qps", 500, delay_us=2000))
    counter = tmp_path / "out/performance/run_1.partial/progress.bin"
    wait_for(lambda: counter.exists() and counter.read_bytes()[:8].strip(bytes(1)), process)
    return process


def test_every_thread_of_an_instance_is_on_its_cores(measuring, instances_of):
    allowed = []
    for instance in instances_of(measuring):
        statuses = [
            path.read_text() for path in Path(f"/proc/{instance.pid}/task").glob("*/status")
        ]
        lists = {
            line.split()[1]
            for status in statuses
            for line in status.splitlines()
            if line.startswith("Cpus_allowed_list:")
        }
        assert len(lists) == 1, "threads of one instance differ"
        allowed.append(lists.pop())
    assert len(allowed) == 2
    assert allowed[0] != allowed[1]


def test_killing_an_instance_ends_the_run(measuring, child_of, instances_of):
    child, (first, other) = child_of(measuring), instances_of(measuring)
    first.kill()
    _, error = measuring.communicate(timeout=60)
    assert measuring.returncode == 1
    assert "instance 0 (CPUs" in error
    assert "ended with signal 9" in error
    assert "Traceback" not in error
    psutil.wait_procs([child, other], timeout=30)
    assert not other.is_running(), "the other instance outlived the run"


def test_killing_the_run_takes_the_instances_along(measuring, instances_of):
    instances = instances_of(measuring)
    measuring.kill()
    measuring.communicate()
    _, alive = psutil.wait_procs(instances, timeout=30)
    assert not alive


def test_the_answers_are_those_of_one_process(loadscope, environment, kept_cache, tmp_path):
    environment["LOADSCOPE_CACHE"] = str(kept_cache)
    logs = []
    for number in ("1", "2"):
        loadscope(
            "run", "--model", "bert-tiny", "--framework", "onnxruntime", "--scenario", "Offline",
            "--mode", "accuracy", "--dataset-path", "squad-sample", "--instances", number,
            "--batch-size", 1, "--workers", 2, "--target-qps", 50, "--output", number,
        )  # fmt: skip
        path = tmp_path / number / "accuracy/mlperf_log_accuracy.json"
        logs.append({answer.index: answer.payload for answer in read_accuracy_log(path)})
    assert len(set(logs[0].values())) > 1
    assert logs[0] == logs[1]


@pytest.mark.parametrize("scenario", ["Offline", "Server"])
def test_both_scenarios_with_a_queue_take_instances(loadscope, arguments, tmp_path, scenario):
    rate = ("--target-qps", 200, "--min-duration", "500ms", "--instances", 2, "--json")
    result = json.loads(loadscope(*arguments(*rate, scenario=scenario)).stdout)
    places = result["state"]["performance"]["instances"]
    assert [len(place["cpus"]) > 0 for place in places] == [True, True]
    assert not set(places[0]["cpus"]) & set(places[1]["cpus"])
    assert result["samples_per_second"] > 0


def test_a_failing_model_says_so_through_an_instance(loadscope, arguments):
    done = loadscope(*arguments("--instances", 2, "--min-duration", "200ms", fail_at=3), status=1)
    assert "the null backend fails at batch 3 as asked" in done.stderr


def test_what_an_instance_cannot_load_is_bad_input(loadscope, environment, kept_cache):
    environment["LOADSCOPE_CACHE"] = str(kept_cache)
    done = loadscope(
        "run", "--model", "bert-tiny", "--framework", "onnxruntime", "--scenario", "Offline",
        "--dataset-path", "squad-sample", "--instances", 2,
        "--option", "providers=[NoSuchProvider]",
        status=2,
    )  # fmt: skip
    assert "ONNX Runtime has no provider 'NoSuchProvider' here" in done.stderr


@pytest.mark.parametrize(
    ("more", "scenario", "message"),
    [
        (("--instances", 2), "SingleStream", "--instances: expected 1 in SingleStream, got 2"),
        (("--instances", 10_000), "Offline", "--instances: expected at most "),
        (
            ("--instances", 2, "--workers", 3),
            "Offline",
            "--workers: expected a multiple of the 2 instances, got 3",
        ),
        (("--instances", "many"), "Offline", "instances"),
        (("--instances", 0), "Offline", "instances"),
    ],
)
def test_instances_without_meaning_are_refused(
    loadscope, arguments, tmp_path, more, scenario, message
):
    done = loadscope(*arguments(*more, scenario=scenario), status=2)
    assert message in done.stderr
    assert not (tmp_path / "out").exists()
