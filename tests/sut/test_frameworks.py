"""Runs each framework's tests in a process of its own.

Two frameworks in one process fight over the OpenMP runtime, and the process of these tests
must not hold any.
"""

import ast
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROCESSES = {
    "onnxruntime": ("onnxruntime_checks", "onnxruntime_device_checks", "golden_checks"),
    "openvino": ("openvino_checks",),
    "litert": ("litert_checks",),
    "opencv": ("opencv_checks",),
    "tvm": ("tvm_checks",),
    "pytorch": (
        "pytorch_checks",
        "pytorch_program_checks",
        "networks_checks",
        "merge_checks",
        "checkpoint_checks",
        "yolox_checks",
        "onnx_weights_checks",
        "pytorch_quantize_checks",
        "bulletin_checks",
    ),
    "tensorflow": ("tensorflow_checks", "frozen_graph_checks"),
    "jax": ("jax_checks",),
    "mnn": ("mnn_checks",),
    "ncnn": ("ncnn_checks",),
    "mxnet": ("mxnet_checks", "params_checks"),
    "onnxruntime and pytorch": ("bert_checks",),
}
"""Files of tests, by the process that runs them: a framework takes seconds to import."""
if find_spec("onnxruntime_genai"):
    # Of no lock file.
    PROCESSES["genai"] = ("genai_checks",)
SMOKE = {
    "tvm": (
        "test_any_batch_is_answered_as_by_the_reference",
        "test_layers_have_the_names_of_the_file",
        "test_what_is_in_force_is_told",
    ),
    "jax": (
        "test_declared_outputs_are_answered_and_stay",
        "test_a_smaller_batch_is_filled_up_and_the_filling_dropped",
        "test_an_operator_that_it_lacks_is_named_with_its_node",
        "test_what_is_in_force_is_told",
        "test_layers_are_the_operators_of_the_file",
    ),
    "ncnn": (
        "test_it_answers_as_onnx_runtime_from_any_thread",
        "test_answers_stay",
        "test_a_layer_that_it_lacks_is_named_with_its_operator",
        "test_what_is_in_force_is_told",
        "test_after_close_there_is_no_answer",
    ),
}
"""Of these frameworks a few tests on small networks; `make test-frameworks` runs all of them."""


def checks():
    """The test functions of each file, by reading it."""
    return [
        pytest.param(process, file, node.name, marks=pytest.mark.xdist_group(process))
        for process, files in PROCESSES.items()
        for file in files
        for node in ast.parse((HERE / f"{file}.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and node.name in SMOKE.get(process, (node.name,))
    ]


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory, pytestconfig):
    """The cases of a process's tests, by file and function; it is run at the first question."""
    known: dict[str, dict[tuple[str, str], list[ElementTree.Element]]] = {}

    def get(process: str) -> dict[tuple[str, str], list[ElementTree.Element]]:
        if process not in known:
            report = tmp_path_factory.mktemp("outcomes") / "report.xml"
            command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}"]
            for file in PROCESSES[process]:
                some = [f"::{name}" for name in SMOKE.get(process, ())] or [""]
                command += [f"{HERE / file}.py{name}" for name in some]
            done = subprocess.run(
                command, capture_output=True, text=True, cwd=pytestconfig.rootpath
            )
            assert report.exists(), done.stdout + done.stderr
            known[process] = {}
            for case in ElementTree.parse(report).iter("testcase"):
                file = case.get("classname", "").rpartition(".")[2]
                name = case.get("name", "").partition("[")[0]
                known[process].setdefault((file, name), []).append(case)
        return known[process]

    return get


@pytest.mark.parametrize(("process", "file", "name"), checks())
def test_in_a_process_of_its_own(outcomes, process, file, name):
    cases = outcomes(process).get((file, name), [])
    assert cases, f"{file}::{name} was not run"
    bad = [
        f"{case.get('name')}\n{problem.text}"
        for case in cases
        for kind in ("failure", "error")
        for problem in case.iter(kind)
    ]
    assert not bad, "\n\n".join(bad)
