"""Checks of ONNX Runtime on devices: bound buffers, providers, float16, a full memory."""

import dataclasses
import os

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException
from tests.sut.tiny_onnx import INPUTS

from loadscope.errors import DeviceMemoryError, InputError
from loadscope.suite.fetch.cache import inventory
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.onnxruntime.backend import OnnxRuntimeBackend
from loadscope.sut.onnxruntime.binding import Bindings
from loadscope.sut.onnxruntime.devices import device_fault
from loadscope.sut.onnxruntime.providers import (
    CPU_PROVIDER,
    CUDA_PROVIDER,
    TENSORRT,
    device_in_force,
    float16_file,
    providers,
)


@pytest.fixture
def backend():
    opened = OnnxRuntimeBackend()
    yield opened
    opened.close()


def test_bound_buffers_answer_as_the_session_does_and_are_kept_apart(tiny, backend):
    backend.load(tiny, threads=1)
    names = [info.name for info in tiny.inputs], [info.name for info in tiny.outputs]
    bindings = Bindings(backend._session, *names, ("cpu", 0))
    kept = bindings.run(INPUTS)
    before = {name: value.copy() for name, value in kept.items()}
    for _ in range(2):
        fewer = {name: value[1:][::-1].copy() for name, value in INPUTS.items()}
        found = bindings.run(fewer)
        for name, value in backend.predict(fewer).items():
            np.testing.assert_array_equal(found[name], value)
    for name, value in before.items():
        np.testing.assert_array_equal(kept[name], value)


def test_a_device_of_a_build_without_it_is_refused_with_the_package_that_has_it(tiny, backend):
    missing, mend = device_fault("cuda") or ("", "")
    assert "libonnxruntime_providers_cuda.so is not in this build" in missing
    assert "onnxruntime-gpu" in mend
    assert device_fault("cpu") is None
    with pytest.raises(InputError, match="no provider 'CUDAExecutionProvider'"):
        backend.load(dataclasses.replace(tiny, options={"device": "cuda:1"}), threads=1)
    for option in ({"dtype": "float16"}, {"tf32": True}):
        with pytest.raises(InputError, match="has no meaning on the device cpu"):
            backend.load(dataclasses.replace(tiny, options=option), threads=1)


def test_providers_have_the_device_and_an_engine_folder_of_their_own(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    both = [TENSORRT, CUDA_PROVIDER]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)

    def settings(**options):
        wanted = {"device": "cuda:1", **options}
        return dict(providers(dataclasses.replace(tiny, options=wanted)))

    assert settings(tf32=True) == {CUDA_PROVIDER: {"device_id": "1", "use_tf32": "1"}}
    assert settings() == {CUDA_PROVIDER: {"device_id": "1", "use_tf32": "0"}}
    # TensorRT's provider heeds the variable alone.
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"
    exact, half = (
        settings(providers=both, dtype=dtype)[TENSORRT] for dtype in ("float32", "float16")
    )
    assert (exact["trt_fp16_enable"], half["trt_fp16_enable"]) == ("0", "1")
    assert exact["trt_engine_cache_path"] != half["trt_engine_cache_path"]
    listed = inventory(tmp_path / "cache", lambda *_: None)
    assert {item.kind for item in listed} == {"engines"}
    assert len(listed) == 2
    assert "onnxruntime-tensorrt, model" in listed[0].what
    found = device_in_force([TENSORRT, CPU_PROVIDER], {TENSORRT: {"device_id": "1"}})
    assert found == "cuda:1"
    assert device_in_force([CPU_PROVIDER], {CPU_PROVIDER: {}}) == "cpu"


def test_float16_is_converted_once_and_keeps_inputs_and_outputs(small_float, tmp_path, monkeypatch):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path / "cache"))
    made = float16_file(small_float)
    written = made.stat().st_mtime_ns
    assert float16_file(small_float) == made
    assert made.stat().st_mtime_ns == written
    model = onnx.load(made)
    assert {tensor.data_type for tensor in model.graph.initializer} == {TensorProto.FLOAT16}
    given = np.random.default_rng(4).normal(size=(3, 8)).astype(np.float32)
    answers = [
        onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
            None, {"x": given}
        )[0]
        for path in (small_float.path, made)
    ]
    assert answers[1].dtype == np.float32
    assert not np.array_equal(*answers)
    np.testing.assert_allclose(answers[1], answers[0], rtol=0.02, atol=0.02)


@pytest.fixture
def small_float(tmp_path):
    """A product with weights that float16 rounds."""
    weights = np.random.default_rng(3).normal(size=(8, 4)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(weights, "w")],
    )
    path = tmp_path / "product.onnx"
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    inputs, outputs = TensorInfo("x", "float32", (8,)), TensorInfo("y", "float32", (4,))
    return Artifact(path=path, format="onnx", inputs=(inputs,), outputs=(outputs,))


def test_a_full_device_halves_the_batch_and_other_failures_stay(tiny, backend, monkeypatch):
    backend.load(tiny, threads=1)
    monkeypatch.setattr(backend, "_device", "cuda")

    class Full:
        said = "BFCArena: Failed to allocate memory for requested buffer of size 5242880"

        def run(self, batch):
            raise RuntimeException(self.said)

    backend._bindings[backend._session] = Full()
    with pytest.raises(DeviceMemoryError, match="device cuda with a batch of 3"):
        backend.predict(INPUTS)
    backend._bindings[backend._session] = Full()
    monkeypatch.setattr(Full, "said", "CUDNN_STATUS_EXECUTION_FAILED")
    with pytest.raises(RuntimeException):
        backend.predict(INPUTS)
