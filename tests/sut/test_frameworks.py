"""Runs each framework's tests in a process of its own, and compares the frameworks.

Two frameworks in one process fight over the OpenMP runtime, and the process of these tests
must not hold any.
"""

import ast
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
FILES = (
    "onnxruntime_checks.py",
    "openvino_checks.py",
    "pytorch_checks.py",
    "networks_checks.py",
    "tensorflow_checks.py",
    "mxnet_checks.py",
    "bert_checks.py",
    "merge_checks.py",
    "checkpoint_checks.py",
    "frozen_graph_checks.py",
    "params_checks.py",
    "golden_checks.py",
)


def checks():
    """The test functions of each file, by reading it."""
    return [
        pytest.param(file, node.name, marks=pytest.mark.xdist_group(file))
        for file in FILES
        for node in ast.parse((HERE / file).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory, pytestconfig):
    """The cases of a file's tests, by function; the file is run at the first question."""
    known: dict[str, dict[str, list[ElementTree.Element]]] = {}

    def get(file: str) -> dict[str, list[ElementTree.Element]]:
        if file not in known:
            report = tmp_path_factory.mktemp("outcomes") / "report.xml"
            command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}"]
            command.append(str(HERE / file))
            done = subprocess.run(
                command, capture_output=True, text=True, cwd=pytestconfig.rootpath
            )
            assert report.exists(), done.stdout + done.stderr
            known[file] = {}
            for case in ElementTree.parse(report).iter("testcase"):
                name = case.get("name", "").partition("[")[0]
                known[file].setdefault(name, []).append(case)
        return known[file]

    return get


@pytest.mark.parametrize(("file", "name"), checks())
def test_in_a_process_of_its_own(outcomes, file, name):
    cases = outcomes(file).get(name, [])
    assert cases, f"{file}::{name} was not run"
    bad = [
        f"{case.get('name')}\n{problem.text}"
        for case in cases
        for kind in ("failure", "error")
        for problem in case.iter(kind)
    ]
    assert not bad, "\n\n".join(bad)


@pytest.mark.parametrize("model", ["efficientnet-lite0", "resnet50-seeded"])
def test_the_frameworks_agree(model, kept_cache, images, tmp_path):
    np.save(tmp_path / "images.npy", images(4))
    answers = {}
    for framework in ("onnxruntime", "pytorch"):
        output = tmp_path / f"{framework}.npy"
        script = HERE / "predict_process.py"
        command = [sys.executable, script, framework, model, kept_cache]
        subprocess.run([*command, tmp_path / "images.npy", output], check=True, timeout=300)
        answers[framework] = np.load(output)
    scale = np.abs(answers["pytorch"]).max()
    np.testing.assert_allclose(
        answers["onnxruntime"], answers["pytorch"], rtol=1e-4, atol=1e-4 * scale
    )
