import importlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.onnxmlir_report import placement, read_report
from loadscope.sut.registry import open_backend

STANDIN = Path(__file__).parent / "standin"
MATRIX = [[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]
LIBRARY = {
    "inputs": [{"type": "f32", "dims": [-1, 3], "name": "features"}],
    "outputs": [
        {"type": "i64", "dims": [-1], "name": "best"},
        {"type": "f32", "dims": [-1, 2], "name": "scores"},
    ],
    "matrix": MATRIX,
}
REPORT = """\
==START-REPORT==
==PERF-REPORT==, onnx.Cast, bert/mask__27, before, 0.000001, 1692654182.738546
==PERF-REPORT==, onnx.Cast, bert/mask__27, after, 0.000004, 1692654182.738550
a line of the model's own
==PERF-REPORT==, zhigh.Stick, bert/dense, before, 0.000000, 1692654182.738550
==PERF-REPORT==, zhigh.Stick, bert/dense, after, 0.000010, 1692654182.738560
==PERF-REPORT==, zhigh.MatMul, bert/dense-bert/bias, before, 0.000001, 1692654182.738561
==PERF-REPORT==, zhigh.MatMul, bert/dense-bert/bias, after, 0.000100, 1692654182.738661
==START-REPORT==
==PERF-REPORT==, zhigh.MatMul, bert/dense-bert/bias, before, 0.000001, 1692654182.738662
==PERF-REPORT==, zhigh.MatMul, bert/dense-bert/bias, after, 0.000050, 1692654182.738712
"""


@pytest.fixture
def runtime(monkeypatch):
    """The stand-in runtime and compiler."""
    monkeypatch.syspath_prepend(str(STANDIN))
    monkeypatch.setenv("PATH", f"{STANDIN}{os.pathsep}{os.environ['PATH']}")
    importlib.invalidate_caches()
    yield
    for name in ("PyRuntime", "loadscope.sut.onnxmlir"):
        sys.modules.pop(name, None)


@pytest.fixture
def artifact(tmp_path):
    def make(library=LIBRARY, **options):
        path = tmp_path / "small.onnx"
        path.write_text(library if isinstance(library, str) else json.dumps(library))
        return Artifact(
            path=path,
            format="onnx",
            inputs=(TensorInfo("features", "float32", (3,)),),
            outputs=(TensorInfo("scores", "float32", (2,)), TensorInfo("best", "int64", ())),
            options=options,
        )

    return make


def loaded(artifact):
    backend = open_backend("onnxmlir")
    backend.load(artifact, threads=1)
    return backend


def test_a_model_is_compiled_and_run_with_its_outputs_by_name(runtime, artifact):
    backend = loaded(artifact())
    features = np.array([[1, 2, 3], [5, 0, 0]], np.float32)
    found = backend.predict({"features": features})
    np.testing.assert_array_equal(found["scores"], features @ np.array(MATRIX, np.float32))
    assert found["best"].tolist() == [1, 0]
    backend.close()
    with pytest.raises(RuntimeError, match="after close"):
        backend.predict({"features": features})


def test_it_is_compiled_once_for_each_set_of_options(runtime, artifact, tmp_path):
    for _ in range(2):
        loaded(artifact(accelerator="NNPA", march="z16"))
    loaded(artifact(march="z17", optimization=2, profile=True))
    first, second = (tmp_path / "commands.txt").read_text().splitlines()
    assert first == "--EmitLib -O3 --maccel=NNPA --march=z16"
    assert second.startswith("--EmitLib -O2 --march=z17 --instrument-stage=ZHigh")


def test_what_the_library_declares_is_held_against_the_manifest(runtime, artifact):
    changed = {**LIBRARY, "inputs": [{"type": "f16", "dims": [-1, 3], "name": "features"}]}
    with pytest.raises(InputError, match="'features' is float16"):
        loaded(artifact(changed))
    fixed = {**LIBRARY, "inputs": [{"type": "f32", "dims": [4, 3], "name": "features"}]}
    with pytest.raises(InputError, match="fixed batch size 4"):
        loaded(artifact(fixed))
    other = {**LIBRARY, "inputs": [{"type": "f32", "dims": [-1, 3], "name": "feature"}]}
    with pytest.raises(InputError, match="no input 'features'"):
        loaded(artifact(other))


def test_what_the_compiler_and_the_runtime_say_is_passed_on(runtime, artifact, monkeypatch):
    with pytest.raises(WorkError, match="failed to legalize"):
        loaded(artifact("broken"))
    with pytest.raises(WorkError, match="Cannot open library"):
        loaded(artifact("no json"))
    with pytest.raises(InputError, match="unknown accelerator 'GPU'"):
        loaded(artifact(accelerator="GPU"))
    with pytest.raises(InputError, match="compiler 'zdlc' is not on the path"):
        loaded(artifact(compiler="zdlc"))


def test_without_the_runtime_the_error_says_what_and_where():
    with pytest.raises(InputError, match="not installed") as caught:
        open_backend("onnxmlir")
    assert "PYTHONPATH" in caught.value.fix


def test_a_report_gives_each_operation_with_its_device(tmp_path):
    (tmp_path / "report").write_text(REPORT)
    found = read_report(tmp_path / "report")
    assert [(one.run, one.index, one.type, one.device, one.duration_ns) for one in found] == [
        (0, 0, "Cast", "CPU", 4_000),
        (0, 1, "Stick", "layout", 10_000),
        (0, 2, "MatMul", "NNPA", 100_000),
        (1, 0, "MatMul", "NNPA", 50_000),
    ]
    assert found[2].name == "bert/dense-bert/bias"
    assert found[0].start_ns == 1692654182_738546000
    assert placement(found) == {"CPU": 4_000, "layout": 10_000, "NNPA": 150_000}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "no times of operations"),
        ("==PERF-REPORT==, onnx.Cast, n, befor", "report:1: not a whole line"),
        ("==PERF-REPORT==, onnx.Cast, n, after, 0.1, x", "report:1: not a whole line"),
    ],
)
def test_a_broken_report_is_refused_with_its_line(tmp_path, content, named):
    (tmp_path / "report").write_text(content)
    with pytest.raises(InputError, match=named):
        read_report(tmp_path / "report")
