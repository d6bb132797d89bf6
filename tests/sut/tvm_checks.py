"""Tests that import TVM; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from tests.sut.tiny_answers import (
    refuse_after_close,
    refuse_what_is_no_model,
)
from tests.sut.tiny_onnx import INPUTS, write_model

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.tracing import layers
from loadscope.sut.tvm import signature
from loadscope.sut.tvm.backend import TvmBackend
from loadscope.sut.tvm.info import INFO


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A backend with a small network of two convolutions, a maximum and a product."""
    random = np.random.default_rng(1)
    weights = {
        "w1": random.normal(size=(4, 3, 3, 3)), "b1": random.normal(size=4),
        "w2": random.normal(size=(8, 4, 1, 1)), "b2": random.normal(size=8),
        "w3": random.normal(size=(8, 5)), "axes": np.array([2, 3]),
    }  # fmt: skip
    held = [
        numpy_helper.from_array(array.astype(np.int64 if name == "axes" else np.float32), name)
        for name, array in weights.items()
    ]
    nodes = [
        helper.make_node("Conv", ["images", "w1", "b1"], ["c1"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], name="positive"),
        helper.make_node("MaxPool", ["r1"], ["p1"], name="largest", kernel_shape=[2, 2]),
        helper.make_node("Conv", ["p1", "w2", "b2"], ["c2"], name="second"),
        helper.make_node("ReduceMean", ["c2", "axes"], ["m"], name="mean", keepdims=0),
        helper.make_node("MatMul", ["m", "w3"], ["logits"], name="product"),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 8, 8])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 5])
    graph = helper.make_graph(nodes, "small", [images], [logits], held)
    opsets = [helper.make_opsetid("", 18)]
    path = tmp_path_factory.mktemp("tvm") / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    backend = TvmBackend()
    artifact = artifact_of(path)
    backend.load(artifact, threads=1)
    yield backend, artifact
    backend.close()


def artifact_of(path):
    return Artifact(
        path=path,
        format="onnx",
        inputs=(TensorInfo("images", "float32", (3, 8, 8)),),
        outputs=(TensorInfo("logits", "float32", (5,)),),
    )


@pytest.fixture
def backend():
    opened = TvmBackend()
    yield opened
    opened.close()


def batch(count):
    return np.random.default_rng(count).normal(size=(count, 3, 8, 8)).astype(np.float32)


def test_any_batch_is_answered_as_by_the_reference(loaded):
    backend, artifact = loaded
    reference = ReferenceEvaluator(str(artifact.path))
    for count in (1, 3, 2):
        images = batch(count)
        answers: Any = reference.run(None, {"images": images})
        found = backend.predict({"images": images})["logits"]
        np.testing.assert_allclose(found, answers[0], rtol=1e-4, atol=1e-4)


def test_threads_call_at_once_and_get_their_own_answers(loaded):
    backend, _ = loaded
    wanted = {count: backend.predict({"images": batch(count)})["logits"] for count in (1, 2, 3)}

    def right(number: int) -> bool:
        count = 1 + number % 3
        return bool((backend.predict({"images": batch(count)})["logits"] == wanted[count]).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(right, range(200)))


def test_layers_have_the_names_of_the_file(loaded):
    backend, artifact = loaded
    found = layers(backend, {"images": batch(2)})
    assert [one.name for one in found if one.attributes["constituents"]] == [
        "first", "largest", "second", "mean", "product",
    ]  # fmt: skip
    nodes = {node.name for node in onnx.load(artifact.path).graph.node}
    parts = [part for one in found for part in one.attributes["constituents"]]
    assert set(parts) == nodes and len(parts) == len(nodes)
    assert found[[one.name for one in found].index("first")].attributes["constituents"] == [
        "first", "positive",
    ]  # fmt: skip
    first = next(one for one in found if one.name == "first")
    # 27 products and sums for each of 4 x 8 x 8 numbers, and the activation.
    assert (first.type, first.flops) == ("Conv", 2 * 256 * (2 * 27 + 1))
    starts = [one.start_ns for one in found]
    assert starts == sorted(starts) and all(one.duration_ns >= 0 for one in found)


def test_what_is_in_force_is_told(loaded, backend):
    own, artifact = loaded
    effective = own.effective()
    require_in_force(INFO, 1, {}, effective)
    assert effective.settings == {
        "threads": 1,
        "device": "cpu",
        "tuning_trials": 0,
        "fixed_batch": None,
    }
    with pytest.raises(InputError, match="pools of 1 threads in this process, not 2"):
        backend.load(artifact, threads=2)


def test_a_smaller_batch_is_filled_up_and_the_filling_dropped(tiny, backend, tmp_path):
    path = write_model(tmp_path / "fixed.onnx", batch=4)
    with pytest.raises(InputError, match="has the fixed batch size 4"):
        backend.load(dataclasses.replace(tiny, path=path), threads=1)
    backend.load(dataclasses.replace(tiny, path=path, max_batch=4), threads=1)
    assert backend.effective().settings["fixed_batch"] == 4
    answers = backend.predict(INPUTS)
    assert answers["best"].tolist() == [1, 0, 1]
    assert answers["doubled"].tolist() == [[2, 4], [8, 6], [0, 10]]


@pytest.mark.parametrize("content", [b"", b"no model", None])
def test_a_file_that_is_no_model_is_refused(tiny, backend, tmp_path, content):
    broken = dataclasses.replace(tiny, path=tmp_path / "broken.onnx")
    refuse_what_is_no_model(backend, broken, content)


def test_an_operator_that_it_lacks_is_named_with_its_node(tiny, backend, tmp_path):
    path = write_model(tmp_path / "other.onnx", sum="Fold")
    with pytest.raises(InputError, match=rf"cannot load {path}: Fold 'doubled'"):
        backend.load(dataclasses.replace(tiny, path=path), threads=1)


@pytest.mark.parametrize(
    ("changes", "said", "mend"),
    [
        ({"inputs": (TensorInfo("image", "float32", (2,)),)}, "no input 'image'", "'images'"),
        ({"outputs": (TensorInfo("beste", "int64", ()),)}, "no output 'beste'", "'best'"),
        ({"inputs": (TensorInfo("images", "float64", (2,)),)}, "is float32", "correct inputs"),
        ({"inputs": (TensorInfo("images", "float32", (3,)),)}, r"\['batch', 3\]", "correct"),
        ({"options": {"trials": 4}}, "no option 'trials'", "tuning_trials"),
        (
            {"options": {"tuning_trials": 4}},
            "tuning_trials = 4 is refused",
            "leave tuning_trials out",
        ),
        ({"options": {"device": "cuda"}}, "no device 'cuda'", "use one of: cpu"),
    ],
)
def test_what_does_not_fit_is_refused(tiny, backend, changes, said, mend):
    with pytest.raises(InputError, match=said) as caught:
        backend.load(dataclasses.replace(tiny, **changes), threads=1)
    assert mend in caught.value.fix


def test_loading_says_nothing_and_after_close_there_is_no_answer(tiny, backend, capfd):
    backend.load(tiny, threads=1)
    backend.predict(INPUTS)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
    refuse_after_close(backend)


def test_the_tensors_of_a_file_are_those_that_the_backend_takes(tiny):
    found = signature.read("onnx", tiny.path, {})
    for side in ("inputs", "outputs"):
        told = {one.name: (one.dtype, one.shape[1:]) for one in getattr(found, side)}
        declared = {one.name: (one.dtype, one.shape) for one in getattr(tiny, side)}
        assert declared.items() <= told.items()
