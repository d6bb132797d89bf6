import json
import os
import signal
import subprocess
import sys
import textwrap

import cv2
import numpy as np
import psutil
import pytest

SAMPLES = 24


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory):
    """An ImageNet-like folder of 24 small photographs of noise."""
    folder = tmp_path_factory.mktemp("imagenet")
    (folder / "val").mkdir()
    random = np.random.default_rng(1)
    lines = []
    for number in range(SAMPLES):
        name = f"ILSVRC2012_val_{number + 1:08d}.JPEG"
        cv2.imwrite(str(folder / "val" / name), random.integers(0, 255, (48, 64, 3), np.uint8))
        lines.append(f"{name} {number % 10}\n")
    (folder / "val_map.txt").write_text("".join(lines))
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def manifest(tmp_path):
    """Write a manifest with one model, ``tiny``, on the null backend with these options."""

    def write(**options):
        (tmp_path / "nothing.bin").write_bytes(b"none")
        path = tmp_path / "tiny.yaml"
        path.write_text(
            textwrap.dedent(f"""
            schema: 1
            models:
              tiny:
                title: Tiny
                task: image-classification
                licence: Apache-2.0
                mlperf: {{submission: [resnet], loadgen: resnet50, compliance: resnet50,
                         rules: Resnet50-v1.5, division: open}}
                dataset: imagenet
                classes: 10
                accuracy: {{metric: top-1, meaningful: false}}
                preprocess: {{geometry: crop-then-resize, crop_fraction: 0.875, size: 32,
                             resampler: opencv-bilinear, colour: rgb,
                             mean: [127, 127, 127], std: [128, 128, 128]}}
                postprocess: {{kind: argmax, output: scores}}
                artifacts:
                  "null":
                    source: file:nothing.bin
                    format: none
                    layout: NCHW
                    inputs: {{image: {{dtype: float32, shape: [3, 32, 32]}}}}
                    outputs: {{scores: {{dtype: float32, shape: [10]}}}}
                    options: {json.dumps(options)}
            """)
        )
        return path

    return write


@pytest.fixture
def environment(cache):
    return {**os.environ, "LOADSCOPE_CACHE": str(cache)}


@pytest.fixture
def loadscope(tmp_path, environment, command_process):
    """Run the command in an empty working directory."""

    def run(*arguments, status=0, timeout=240, cwd=tmp_path) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = command_process.run(
            *arguments, cwd=cwd, environment=environment, timeout=timeout
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def start(tmp_path, environment):
    """Start the command in the background, in a process group of its own."""
    started = []

    def run(*arguments) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "loadscope", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="session")
def child_of():
    """The measured process of a running command."""

    def find(process):
        children = psutil.Process(process.pid).children()
        (child,) = [
            one for one in children if "loadscope.suite.worker.test_process" in one.cmdline()
        ]
        return child

    return find
