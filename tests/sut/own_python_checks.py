"""The frameworks that have a Python of their own, in real environments: ``make test-frameworks``.

An environment is made in LoadScope's cache unless it is there. What cannot be had here, such as
Python 3.6, is skipped with the reason.
"""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from tests.sut.conftest import quiet

from loadscope.errors import InputError
from loadscope.paths import cache_location
from loadscope.suite.fetch.environments import create_environment
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.executorch.command import lower
from loadscope.sut.registry import backend_info, open_backend

FRAMEWORKS = ("executorch", "caffe2", "cntk")
MODELS = ("efficientnet-lite0", "resnet50-seeded")


@pytest.fixture(scope="module", params=FRAMEWORKS)
def framework(request):
    info = backend_info(request.param)
    assert info.interpreter is not None
    try:
        if f"LOADSCOPE_PYTHON_{request.param.upper()}" not in os.environ:
            create_environment(info, info.interpreter, None, quiet)
        info.require_installed()
    except InputError as error:
        pytest.skip(f"{error.message}: {error.fix}")
    return request.param


@pytest.fixture
def backend(framework):
    opened = open_backend(framework)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def kept_cache():
    """The user's own, where the environments are."""
    return cache_location()


@pytest.mark.parametrize("model", MODELS)
def test_answers_are_onnx_runtimes(framework, backend, real_artifact, model):
    path = real_artifact(model, "onnxruntime").path
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(3).uniform(-1, 1, (32, 3, 224, 224)).astype(np.float32)
    artifact = real_artifact(model, framework)
    backend.load(artifact, threads=1)
    require_in_force(
        backend_info(framework), 1, {}, backend.effective(), max_batch=artifact.max_batch
    )
    size = artifact.max_batch or 8
    for start in range(0, len(images), size):
        batch = {"images": images[start : start + size]}
        (right,) = session.run(None, batch)
        found = backend.predict(batch)["logits"]
        assert np.abs(found - right).max() < 1e-3 * np.abs(right).max()
        assert (found.argmax(1) == right.argmax(1)).all()


def test_photographs_are_recognised(framework, backend, top1_of_sample20):
    assert top1_of_sample20(backend, framework) == 18


@pytest.mark.parametrize("model", MODELS)
def test_layers_make_up_the_call(framework, backend, real_artifact, model):
    backend.load(real_artifact(model, framework), threads=1)
    batch = {"images": np.zeros((1, 3, 224, 224), np.float32)}
    tracer = backend.tracer(with_layers=True)
    for _ in range(3):
        tracer.predict(batch)
    tracer.forget()
    for _ in range(5):
        tracer.predict(batch)
    traces = tracer.finish()
    assert len(traces) == 5
    convolutions = {"efficientnet-lite0": 49, "resnet50-seeded": 53}[model]
    for trace in traces:
        end = trace.start_ns + trace.duration_ns
        assert all(
            trace.start_ns <= one.start_ns <= one.start_ns + one.duration_ns <= end
            for one in trace.layers
        )
        found = [one for one in trace.layers if one.type == "Conv"]
        assert len(found) == convolutions
        assert all(one.flops and one.attributes["constituents"] for one in found)
    whole = sum(trace.duration_ns for trace in traces)
    assert sum(one.duration_ns for trace in traces for one in trace.layers) > 0.5 * whole


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_file_that_is_no_model_is_refused(framework, backend, real_artifact, tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    artifact = dataclasses.replace(real_artifact(MODELS[0], framework), path=path)
    with pytest.raises(InputError, match=f"cannot load {path}"):
        backend.load(artifact, threads=1)


# Of an operator that ONNX never had, and of one that the framework cannot translate.
LACKED = [("caffe2", "Fold"), ("caffe2", "Hardmax"), ("cntk", "Fold")]


@pytest.mark.parametrize(("lacking", "operator"), LACKED)
def test_an_operator_that_it_lacks_is_named_with_its_node(lacking, operator, tmp_path):
    info = backend_info(lacking)
    if not info.installed():
        pytest.skip(f"{info.title} is not installed")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4])
        for name in ("images", "logits")
    ]
    nodes = [
        helper.make_node("Relu", ["images"], ["positive"], name="first"),
        helper.make_node(operator, ["positive"], ["logits"], name="second"),
    ]
    graph = helper.make_graph(nodes, "lacking", ends[:1], ends[1:])
    path = tmp_path / "lacking.onnx"
    opset = [helper.make_opsetid("", 7)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=3), path)
    artifact = Artifact(
        path=path,
        format="onnx-opset7",
        inputs=(TensorInfo("images", "float32", (4,)),),
        outputs=(TensorInfo("logits", "float32", (4,)),),
    )
    backend = open_backend(lacking)
    try:
        with pytest.raises(InputError, match=rf"cannot load {path}: {operator} 'second': ") as told:
            backend.load(artifact, threads=1)
    finally:
        backend.close()
    assert "use another framework" in told.value.fix and "\n" not in told.value.message


def test_an_operator_that_executorch_lacks_is_named_where_a_program_is_lowered(tmp_path):
    if not backend_info("executorch").installed():
        pytest.skip("ExecuTorch is not installed")

    class Lacking(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = torch.special.bessel_j0(images + 1)
            return found

    program = tmp_path / "lacking.pt2"
    torch.export.save(torch.export.export(Lacking(), (torch.zeros(1, 4),)), program)
    with pytest.raises(InputError, match=r"aten\.special_bessel_j0\.default 'special_bessel_j0'"):
        lower(program, tmp_path / "lacking.pte")
    assert not (tmp_path / "lacking.pte").exists()


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Offline", "Server"])
def test_scenarios_run_under_loadgen(framework, scenario, tmp_path):
    asked = (
        "--model", MODELS[0], "--framework", framework, "--scenario", scenario, "--json",
        "--dataset-path", "imagenet-sample20", "--min-duration", "1s", "--output", "out",
        "--layout-seconds", "0", *(("--target-qps", "2") if scenario == "Server" else ()),
    )  # fmt: skip
    command = [sys.executable, "-P", "-m", "loadscope", "run", *asked]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metric"]["value"] > 0
