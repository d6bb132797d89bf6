import subprocess
import sys
from pathlib import Path

import numpy as np

from loadscope.suite.golden.file import read_golden
from loadscope.tools import arch
from loadscope.tools.arch.checks import SUITES
from loadscope.tools.arch.goldens import OTHERS
from loadscope.tools.arch.seeded import CLASSES, write_segmentation

TESTS = Path(__file__).resolve().parents[1]


def test_the_lane_names_tests_that_there_are():
    named = [test for suite in SUITES for test in suite.tests]
    assert named and not [test for test in named if not (TESTS / test).exists()]


def test_the_seeded_segments_are_of_every_class_and_differ(tmp_path):
    held = OTHERS["segmentation"]
    write_segmentation(tmp_path / "segments.onnx")
    shipped = Path(str(arch.__file__)).with_name("models.yaml")
    (tmp_path / "models.yaml").write_text(shipped.read_text())
    done = subprocess.run(
        [
            sys.executable, "-P", "-m", "loadscope", "golden", "--models", "models.yaml",
            "--model", held.model, "--framework", "onnxruntime", "--dataset-path", held.data,
            "--count", "3", "--output", "golden.npz",
        ],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    samples = read_golden(tmp_path / "golden.npz").samples
    # Answers that are all alike would be the same for inputs that nobody can read.
    assert len({sample.payload for sample in samples}) == len(samples) == 3
    assert all(len(np.unique(one.outputs["scores"].argmax(1))) == CLASSES for one in samples)
