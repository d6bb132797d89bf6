"""Tests that import JAX; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.sut.tiny_answers import (
    answer_and_stay,
    answer_threads_at_once,
    fill_up_a_batch_of_four,
    refuse_after_close,
)
from tests.sut.tiny_onnx import INPUTS, write_model

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.jax import backend as jax_backend
from loadscope.sut.jax import signature
from loadscope.sut.jax.backend import JaxBackend
from loadscope.sut.jax.devices import device_fault
from loadscope.sut.jax.info import INFO
from loadscope.sut.tracing import layers


@pytest.fixture(scope="module", autouse=True)
def pool():
    """XLA's pool is the process's: of one thread for all tests, whichever is the first."""
    jax_backend._start(1)


@pytest.fixture
def backend():
    opened = JaxBackend()
    yield opened
    opened.close()


def test_declared_outputs_are_answered_and_stay(tiny, backend):
    backend.load(tiny, threads=1)
    answer_and_stay(backend)


def test_a_smaller_batch_is_filled_up_and_the_filling_dropped(tiny, backend, tmp_path):
    path = write_model(tmp_path / "fixed.onnx", batch=4)
    backend.load(dataclasses.replace(tiny, path=path, max_batch=4), threads=1)
    fill_up_a_batch_of_four(backend)
    with pytest.raises(InputError, match="has the fixed batch size 4"):
        backend.load(dataclasses.replace(tiny, path=path), threads=1)


def test_threads_call_at_once_and_get_their_own_answers(tiny, backend):
    backend.load(tiny, threads=1)
    answer_threads_at_once(backend, calls=100)


@pytest.mark.parametrize("content", [b"", b"no model", None])
def test_a_file_that_is_no_model_is_refused(tiny, backend, tmp_path, content):
    path = tmp_path / "broken.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path}"):
        backend.load(dataclasses.replace(tiny, path=path), threads=1)


def test_an_operator_that_it_lacks_is_named_with_its_node(backend, tmp_path):
    path = write_graph(tmp_path, [helper.make_node("Hardmax", ["x"], ["y"], name="hard")], (2,))
    with pytest.raises(InputError, match="node 'hard' is a Hardmax, which is not known to JAX"):
        backend.load(described(path, (2,), (2,)), threads=1)


def test_a_form_that_it_lacks_is_named_with_its_node(backend, tmp_path):
    node = helper.make_node(
        "AveragePool", ["x"], ["y"], name="pool", kernel_shape=[2, 2], auto_pad="SAME_UPPER"
    )
    path = write_graph(tmp_path, [node], (3, 4, 4))
    backend.load(described(path, (3, 4, 4), (3, 4, 4)), threads=1)
    with pytest.raises(InputError, match="node 'pool' is a AveragePool with automatic padding"):
        backend.predict({"x": np.ones((1, 3, 4, 4), np.float32)})


@pytest.mark.parametrize(
    ("changes", "said", "mend"),
    [
        ({"inputs": (TensorInfo("image", "float32", (2,)),)}, "no input 'image'", "'images'"),
        ({"outputs": (TensorInfo("beste", "int64", ()),)}, "no output 'beste'", "'best'"),
        ({"inputs": (TensorInfo("images", "float64", (2,)),)}, "is float32", "correct inputs"),
        ({"inputs": (TensorInfo("images", "float32", (3,)),)}, r"\['batch', 3\]", "correct"),
        ({"options": {"pinning": True}}, "no option 'pinning'", "known"),
        ({"options": {"device": "npu"}}, "no device 'npu'", "use one of: cpu, cuda"),
    ],
)
def test_what_does_not_fit_is_refused(tiny, backend, changes, said, mend):
    with pytest.raises(InputError, match=said) as caught:
        backend.load(dataclasses.replace(tiny, **changes), threads=1)
    assert mend in caught.value.fix


def test_a_device_without_its_plug_in_is_refused(tiny, backend):
    if device_fault("cuda") is None:
        pytest.skip("the plug-in for CUDA is installed")
    with pytest.raises(InputError, match="JAX has no device 'cuda' here"):
        backend.load(dataclasses.replace(tiny, options={"device": "cuda"}), threads=1)


def test_what_is_in_force_is_told(tiny, backend):
    backend.load(tiny, threads=1)
    found = backend.effective()
    require_in_force(INFO, 1, {}, found)
    assert found.settings == {"device": "cpu", "threads": 1, "fixed_batch": None}


def test_another_number_of_threads_in_the_process_is_an_error_that_names_both(tiny, backend):
    backend.load(tiny, threads=1)
    backend.load(tiny, threads=2)
    with pytest.raises(InputError, match="threads: expected 2, got 1: XLA's pool"):
        require_in_force(INFO, 2, {}, backend.effective())


def test_after_close_there_is_no_answer(tiny, backend):
    backend.load(tiny, threads=1)
    refuse_after_close(backend)


def test_layers_are_the_operators_of_the_file(tiny, backend):
    backend.load(tiny, threads=1)
    found = layers(backend, INPUTS)
    assert [(one.index, one.type) for one in found] == [(0, "Add"), (1, "ArgMax")]
    assert found[0].output_shapes == ((3, 2),)
    assert all(one.attributes["separate"] for one in found)
    assert found[0].start_ns + found[0].duration_ns <= found[1].start_ns


def some(*shape):
    return np.random.default_rng(11).normal(size=shape).astype(np.float32)


def constant(name, value):
    return numpy_helper.from_array(np.asarray(value), name)


def write_graph(folder, nodes, sizes, constants=(), outputs=None):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *sizes])
    y = helper.make_tensor_value_info(
        "y", TensorProto.FLOAT, ["batch", *(sizes if outputs is None else outputs)]
    )
    graph = helper.make_graph(nodes, "graph", [x], [y], list(constants))
    opsets = [helper.make_opsetid("", 20)]
    path = folder / "graph.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


def described(path, inputs, outputs):
    tensors = (TensorInfo("x", "float32", inputs),), (TensorInfo("y", "float32", outputs),)
    return Artifact(path, "onnx", *tensors)


def node(op, *inputs, **attributes):
    return helper.make_node(op, list(inputs), ["y"], name="node", **attributes)


IMAGE = (4, 9, 12)
CASES = {
    "conv": (
        node("Conv", "x", "k", "b", pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 2]),
        {"k": some(6, 4, 3, 3), "b": some(6)},
        (6, 5, 9),
    ),
    "grouped conv": (node("Conv", "x", "k", group=2), {"k": some(6, 2, 1, 1)}, (6, 9, 12)),
    "depthwise conv": (
        node("Conv", "x", "k", "b", group=4, pads=[1, 1, 1, 2], strides=[2, 2]),
        {"k": some(4, 1, 3, 3), "b": some(4)},
        (4, 5, 7),
    ),
    "max pool": (
        node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        {},
        (4, 5, 6),
    ),
    "average pool": (
        node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        {},
        (4, 9, 12),
    ),
    "mean": (node("ReduceMean", "x", "axes", keepdims=0), {"axes": np.array([2, 3])}, (4,)),
    "clip": (
        node("Clip", "x", "low", "high"),
        {"low": np.float32(0), "high": np.float32(0.5)},
        IMAGE,
    ),
    "every second pixel": (
        node("Slice", "x", "start", "end", "axes", "step"),
        {"start": np.array([1, 11]), "end": np.array([99, -99]), "axes": np.array([2, 3]),
         "step": np.array([2, -1])},
        (4, 4, 12),
    ),
    "nearest": (
        node("Resize", "x", "", "scales", mode="nearest", nearest_mode="floor",
             coordinate_transformation_mode="asymmetric"),
        {"scales": np.array([1, 1, 2, 3], np.float32)},
        (4, 18, 36),
    ),
    "bilinear": (
        node("Resize", "x", "", "scales", mode="linear"),
        {"scales": np.array([1, 1, 2, 2], np.float32)},
        (4, 18, 24),
    ),
    "batch norm": (
        node("BatchNormalization", "x", "s", "b", "m", "v"),
        {"s": some(4), "b": some(4), "m": some(4), "v": np.abs(some(4))},
        IMAGE,
    ),
    "layer norm": (
        node("LayerNormalization", "x", "s", "b", epsilon=1e-12),
        {"s": some(12), "b": some(12)},
        IMAGE,
    ),
    "gelu": (node("Gelu", "x"), {}, IMAGE),
    "softmax": (node("Softmax", "x", axis=1), {}, IMAGE),
    "hard sigmoid": (node("HardSigmoid", "x", alpha=0.3), {}, IMAGE),
    "leaky relu": (node("LeakyRelu", "x", alpha=0.1), {}, IMAGE),
    "product": (node("MatMul", "x", "w"), {"w": some(12, 5)}, (4, 9, 5)),
    "reshape": (node("Reshape", "x", "to"), {"to": np.array([0, 4, -1])}, (4, 108)),
    "rows looked up": (node("Gather", "x", "at", axis=2), {"at": np.array([3, -1])}, (4, 2, 12)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_operator_answers_as_onnx_runtime(backend, tmp_path, case):
    one, constants, outputs = CASES[case]
    held = [constant(name, value) for name, value in constants.items()]
    path = write_graph(tmp_path, [one], IMAGE, held, outputs)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = some(2, *IMAGE)
    backend.load(described(path, IMAGE, outputs), threads=1)
    (wanted,) = session.run(None, {"x": x})
    np.testing.assert_allclose(backend.predict({"x": x})["y"], wanted, rtol=1e-4, atol=1e-5)


def test_real_weights_recognise_the_photographs(backend, top1_of_sample20):
    assert top1_of_sample20(backend, "jax") == 18


def test_the_tensors_of_a_file_are_those_that_the_backend_takes(tiny):
    found = signature.read("onnx", tiny.path, {})
    for side in ("inputs", "outputs"):
        told = {one.name: (one.dtype, one.shape[1:]) for one in getattr(found, side)}
        declared = {one.name: (one.dtype, one.shape) for one in getattr(tiny, side)}
        assert declared.items() <= told.items()
