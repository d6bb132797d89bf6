import json
import os
import re
import shutil
import sys
import textwrap
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.names import Mode
from loadscope.rundir.assemble import assemble
from loadscope.rundir.directory import RunDirectory
from loadscope.submission.package.truncate import sha256
from loadscope.submission.rounds import early_stopping_queries, load_round
from loadscope.suite.cli.main import main
from loadscope.suite.library import submission as submit_module
from loadscope.suite.run.compliance import verify
from loadscope.suite.run.scoring import score_run

SAMPLES = 24
SHORT_ROUND = """
like: v6.1
min_duration_ms: 300
benchmarks:
  resnet50:
    dataset_size: 24
    performance_sample_count: 24
    offline_min_query_count: 100
    accuracy_targets: {resnet: 12.0}
"""
MODES = ("--mode", "performance", "--mode", "accuracy")
SYSTEM = {
    "status": "available", "system_name": "Test system", "system_type": "edge",
    "number_of_nodes": 1, "host_processor_model_name": "A", "host_processors_per_node": 1,
    "host_processor_core_count": 2, "host_memory_capacity": "16 GB",
    "host_memory_configuration": "2x 8 GB", "host_storage_capacity": "1 TB",
    "host_storage_type": "SSD", "host_networking": "1 GbE", "host_network_card_count": 1,
    "host_networking_topology": "N/A", "accelerators_per_node": 0,
    "accelerator_model_name": "N/A", "accelerator_memory_capacity": "N/A",
    "accelerator_memory_configuration": "N/A", "accelerator_host_interconnect": "N/A",
    "accelerator_interconnect": "N/A", "cooling": "air", "framework": "none",
    "operating_system": "Linux", "other_software_stack": "Python",
}  # fmt: skip


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("submit")


@pytest.fixture(scope="session")
def photographs(work):
    """An ImageNet-like folder of 24 small photographs; three are of class 0."""
    folder = work / "imagenet"
    (folder / "val").mkdir(parents=True)
    random = np.random.default_rng(1)
    lines = []
    for number in range(SAMPLES):
        name = f"ILSVRC2012_val_{number + 1:08d}.JPEG"
        cv2.imwrite(str(folder / "val" / name), random.integers(0, 255, (48, 64, 3), np.uint8))
        lines.append(f"{name} {number % 10}\n")
    (folder / "val_map.txt").write_text("".join(lines))
    return folder


def write_manifest(path: Path, division: str = "closed", offset: int = 0) -> Path:
    """A model ``tiny`` that answers class 0 to everything, one less for each ``offset``."""
    (path.parent / "nothing.bin").write_bytes(b"none")
    path.write_text(
        textwrap.dedent(f"""
        schema: 1
        models:
          tiny:
            title: Tiny
            task: image-classification
            licence: Apache-2.0
            mlperf: {{submission: [resnet], loadgen: resnet50, compliance: resnet50,
                     rules: Resnet50-v1.5, division: {division}}}
            dataset: imagenet
            classes: 10
            accuracy: {{metric: top-1}}
            preprocess: {{geometry: crop-then-resize, crop_fraction: 0.875, size: 32,
                         resampler: opencv-bilinear, colour: rgb,
                         mean: [127, 127, 127], std: [128, 128, 128]}}
            postprocess: {{kind: argmax, output: scores, offset: {offset}}}
            artifacts:
              "null":
                source: file:nothing.bin
                format: none
                layout: NCHW
                inputs: {{image: {{dtype: float32, shape: [3, 32, 32]}}}}
                outputs: {{scores: {{dtype: float32, shape: [{10 + offset}]}}}}
                options: {{delay_us: 1000}}
        """)
    )
    return path


@pytest.fixture(scope="session")
def loadscope(work, command_process):
    """Run the command in a folder of its own."""
    environment = {**os.environ, "LOADSCOPE_CACHE": str(work / "cache")}

    def run(*arguments, status=0, cwd=work):
        done = command_process.run(*arguments, cwd=cwd, environment=environment)
        assert done.returncode in (status if isinstance(status, tuple) else (status,)), (
            done.stdout + done.stderr
        )
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def command(monkeypatch, work):
    """Run the command in this process, where nothing is measured."""
    monkeypatch.setenv("LOADSCOPE_CACHE", str(work / "cache"))
    monkeypatch.chdir(work)

    def run(*arguments, status=0):
        monkeypatch.setattr(sys, "argv", ["loadscope", *map(str, arguments)])
        # CliRunner catches what main ends with, and what it has printed.
        done = CliRunner().invoke(click.command(add_help_option=False)(main), [])
        assert isinstance(done.exception, SystemExit | None), done.exc_info
        assert done.exit_code == status, done.output
        return done

    return run


@pytest.fixture(scope="session")
def run_tiny(work, photographs, loadscope):
    manifest = write_manifest(work / "tiny.yaml")

    def run(scenario, output, *more, status=0, queries=700):
        loadscope(
            "run", "--models", manifest, "--model", "tiny", "--framework", "null", "--scenario",
            scenario, "--dataset-path", photographs, "--min-duration",
            "300ms" if queries >= 100 else "1ms", "--min-query-count", queries, "--output", output,
            *more, status=status,
        )  # fmt: skip
        return work / output

    return run


@pytest.fixture(scope="session")
def single_stream(run_tiny):
    """A real short run with all its tests; on a busy machine it may fail compliance."""
    return run_tiny("SingleStream", "single-stream", *MODES, "--mode", "compliance", status=(0, 1))


@pytest.fixture(scope="session")
def offline(run_tiny):
    return run_tiny("Offline", "offline", *MODES)


@pytest.fixture
def dataset(photographs):
    return ImageNet.read(photographs, None, 10)


def judge_again(folder: Path, dataset, tests=(Mode.TEST01, Mode.TEST04)) -> None:
    """Score and verify a run as the runner does."""
    run = RunDirectory(folder)
    score_run(run, dataset, lambda *_: None)
    for mode in tests:
        verify(run, mode, dataset, lambda *_: None)
    result, record = assemble(run, early_stopping_queries), run.read()
    for test, state in record.state.items():
        digests = {name: sha256(run.logs(test) / name) for name in state.sha256}
        run.set_state(test, sha256=digests)
    assert result.metric is not None
    run.set_state(Mode.PERFORMANCE, value=result.metric.value, valid=result.valid)
    run.write_result(assemble(run, early_stopping_queries))


def edit(path: Path, **changes) -> None:
    record = json.loads(path.read_text())
    for key, value in changes.items():
        *parents, last = key.split("__")
        inner = record
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
    path.write_text(json.dumps(record))


def set_score(folder: Path, nanoseconds: int) -> None:
    """Set the estimates for SingleStream, and for MultiStream, and all latencies beside them."""
    log, summary = (folder / f"mlperf_log_{name}.txt" for name in ("detail", "summary"))
    key = r'("key": "(?:early_stopping_latency_[sm]s|result_\S*latency_ns)", "value": )'
    log.write_text(re.sub(rf"{key}\d+", rf"\g<1>{nanoseconds}", log.read_text()))
    key = r"(latency \(ns\)\s*: )"
    summary.write_text(re.sub(rf"{key}\d+", rf"\g<1>{nanoseconds}", summary.read_text()))


@pytest.fixture
def steady(single_stream, dataset, tmp_path):
    """A copy of the run in which all tests are equally fast.

    Half a second on a busy machine says nothing of speed, and no test here may depend on it.
    """
    copy = tmp_path / "runs" / "steady"
    shutil.copytree(single_stream, copy)
    for logs in ("performance/run_1", "TEST01", "TEST04"):
        set_score(copy / logs, 1_000_000)
    judge_again(copy, dataset)
    return copy


@pytest.fixture
def full(steady, dataset, short_round):
    """A copy that is of full length by ``short_round``, and whose score means something."""
    edit(steady / "run.json", rehearsal=[], model__accuracy_meaningful=True)
    judge_again(steady, dataset)
    return steady


@pytest.fixture
def short_round(work, monkeypatch):
    """A round that asks for no more than the runs here have: a third of a second, 24 samples."""
    path = work / "short.yaml"
    path.write_text(SHORT_ROUND)
    monkeypatch.setattr(submit_module, "CURRENT", str(path))
    return load_round(str(path))


@pytest.fixture
def system_file(tmp_path):
    def write(name="box.json", **changes):
        fields = {key: value for key, value in {**SYSTEM, **changes}.items() if value is not None}
        path = tmp_path / name
        path.write_text(json.dumps(fields))
        return path

    return write


@pytest.fixture
def submit(command, system_file, tmp_path):
    """Submit runs; the tree goes to ``tmp_path / "tree"``."""

    def run(runs, *more, division="closed", system=None, status=0, output="tree"):
        return command(
            "submit", "--runs", runs, "--division", division, "--submitter", "Acme", "--system",
            system or system_file(), "--output", tmp_path / output, *more, status=status,
        )  # fmt: skip

    return run
