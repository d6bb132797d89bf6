"""Tests of OpenCV DNN; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.sut.tiny_answers import (
    answer_threads_at_once,
    refuse_after_close,
)
from tests.sut.tiny_onnx import INPUTS, write_model

from loadscope.errors import InputError
from loadscope.sut.backend import TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.onnx_files import ends
from loadscope.sut.opencv import signature
from loadscope.sut.opencv.backend import OpenCvBackend
from loadscope.sut.opencv.files import network
from loadscope.sut.opencv.info import CAFFE, INFO
from loadscope.sut.tracing import layers

PROTOTXT = """
name: "tiny"  # inputs in the older form
input: "images"
input_dim: 1 input_dim: 2 input_dim: 1 input_dim: 1
layer { name: "one" type: "InnerProduct" bottom: "images" top: "sums"
        inner_product_param { num_output: 2 bias_term: false } }
layer { name: "above" type: "ReLU" bottom: "sums" top: "sums" }
layer { name: "half" type: "Power" bottom: "sums" top: "halved" power_param { scale: 0.5 } }
"""


@pytest.fixture
def backend():
    opened = OpenCvBackend()
    yield opened
    opened.close()


@pytest.fixture
def doubling(tiny):
    """Without the second output, whose type OpenCV has not."""
    return dataclasses.replace(tiny, outputs=tiny.outputs[1:])


@pytest.fixture
def caffe(tiny, tmp_path):
    """A network of ``PROTOTXT`` with the weights [[1, -1], [2, 0]]."""
    path = tmp_path / "tiny.prototxt"
    path.write_text(PROTOTXT)
    values = np.array([1, -1, 2, 0], "<f4").tobytes()
    blob = b"\x2a\x10" + values + b"\x3a\x04\x0a\x02\x02\x02"
    layer = b"\x0a\x03one" + b"\x3a" + bytes([len(blob)]) + blob
    path.with_suffix(".caffemodel").write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)
    return dataclasses.replace(
        tiny,
        path=path,
        format="caffe",
        inputs=(TensorInfo("images", "float32", (2, 1, 1)),),
        outputs=(TensorInfo("halved", "float32", (2,)),),
    )


def in_force(backend, artifact, threads=1):
    """Load, and hold what is in force against what was asked, as a measured process does."""
    backend.load(artifact, threads)
    effective = backend.effective()
    require_in_force(INFO, threads, artifact.options, effective)
    return effective.settings


def test_declared_outputs_are_answered_and_stay(doubling, backend):
    backend.load(doubling, threads=1)
    first = backend.predict(INPUTS)
    second = backend.predict({"images": np.ones((1, 2), np.float32)})
    assert list(first) == ["doubled"]
    assert first["doubled"].tolist() == [[2, 4], [8, 6], [0, 10]]
    assert second["doubled"].tolist() == [[2, 2]]


def test_a_caffe_network_answers_and_names_both_files(caffe, backend):
    backend.load(caffe, threads=1)
    images = INPUTS["images"].reshape(3, 2, 1, 1)
    # Half of the positive part of (x - y, 2x).
    wanted = np.maximum([[-1, 2], [1, 8], [-5, 0]], 0) / 2
    assert backend.predict({"images": images})["halved"].tolist() == wanted.tolist()
    weights = caffe.path.with_suffix(".caffemodel")
    assert CAFFE.model_files("caffe", caffe.path) == [caffe.path, weights]
    found = layers(backend, {"images": images})
    assert [part for one in found for part in one.attributes["constituents"]] == [
        "one", "above", "half",
    ]  # fmt: skip
    assert found[0].type == "Gemm" and found[0].flops == 3 * (2 * 2 * 2 + 2)


def test_a_smaller_batch_is_filled_up_and_the_filling_dropped(doubling, backend, tmp_path):
    path = write_model(tmp_path / "fixed.onnx", batch=4)
    backend.load(dataclasses.replace(doubling, path=path, max_batch=4), threads=1)
    assert backend.effective().settings["fixed_batch"] == 4
    for predict in (backend.predict, backend.tracer(with_layers=True).predict):
        assert predict(INPUTS)["doubled"].tolist() == [[2, 4], [8, 6], [0, 10]]


def test_a_batch_that_the_file_fixes_is_never_answered_wrongly(tiny, backend, tmp_path):
    """OpenCV puts two samples one behind the other into a reshape to (1, ...)."""
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 4])
    found = helper.make_tensor_value_info("square", TensorProto.FLOAT, ["batch", 2, 2])
    shape = helper.make_tensor("shape", TensorProto.INT64, [3], [1, -1, 2])
    node = helper.make_node("Reshape", ["images", "shape"], ["square"], name="n")
    graph = helper.make_graph([node], "fixed", [given], [found], [shape])
    path = tmp_path / "fixed.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    artifact = dataclasses.replace(
        tiny,
        path=path,
        inputs=(TensorInfo("images", "float32", (4,)),),
        outputs=(TensorInfo("square", "float32", (2, 2)),),
    )
    with pytest.raises(InputError, match=r"\[1, 4, 2\] for a batch of 2") as caught:
        backend.load(artifact, threads=1)
    assert "max_batch" in caught.value.fix
    backend.load(dataclasses.replace(artifact, max_batch=1), threads=1)
    images = np.arange(4, dtype=np.float32).reshape(1, 4)
    assert backend.predict({"images": images})["square"].tolist() == [[[0, 1], [2, 3]]]


def test_threads_that_call_at_once_get_their_own_answers(doubling, backend):
    backend.load(doubling, threads=1)
    answer_threads_at_once(backend, calls=200)
    assert INFO.one_caller and CAFFE.one_caller


@pytest.mark.parametrize("content", [b"", b"no model", None])
@pytest.mark.parametrize("format", ["onnx", "frozen-graph", "caffe"])
def test_a_file_that_is_no_model_is_refused(doubling, backend, tmp_path, format, content):
    path = tmp_path / "broken.prototxt"
    if content is not None:
        path.write_bytes(content)
        path.with_suffix(".caffemodel").write_bytes(content)
    with pytest.raises(InputError, match=f"{path}"):
        backend.load(dataclasses.replace(doubling, path=path, format=format), threads=1)


def test_an_operator_that_it_lacks_is_named_with_its_node(doubling, caffe, backend, tmp_path):
    path = write_model(tmp_path / "other.onnx", sum="Fold")
    with pytest.raises(InputError, match=rf"cannot load {path}: Fold 'doubled'"):
        backend.load(dataclasses.replace(doubling, path=path), threads=1)
    caffe.path.write_text(PROTOTXT.replace("Power", "Fancy"))
    with pytest.raises(InputError, match=rf"cannot load {caffe.path}: Fancy 'half'"):
        backend.load(caffe, threads=1)


@pytest.mark.parametrize(
    ("changes", "said", "mend"),
    [
        ({"inputs": (TensorInfo("image", "float32", (2,)),)}, "no input 'image'", "'images'"),
        ({"outputs": (TensorInfo("double", "float32", (2,)),)}, "no output 'doubl", "'doubled'"),
        ({"inputs": (TensorInfo("images", "int64", (2,)),)}, "takes no input", "another framework"),
        ({"inputs": (TensorInfo("images", "float32", (-1,)),)}, "fixed sizes", "another"),
        ({"inputs": (TensorInfo("images", "float32", (3,)),)}, r"\['batch', 3\]", "correct"),
        ({"outputs": (TensorInfo("doubled", "int64", (2,)),)}, "is float32", "correct outputs"),
        ({"options": {"fusio": True}}, "no option 'fusio'", "did you mean 'fusion'?"),
        ({"options": {"device": "cuda"}}, "no device 'cuda'", "use one of: cpu"),
    ],
)
def test_what_does_not_fit_is_refused(doubling, backend, changes, said, mend):
    with pytest.raises(InputError, match=said) as caught:
        backend.load(dataclasses.replace(doubling, **changes), threads=1)
    assert mend in caught.value.fix


def test_what_opencv_uses_is_told(doubling, backend):
    assert in_force(backend, doubling, threads=2) == {
        "threads": 2,
        "device": "cpu",
        "dtype": "float32",
        "fixed_batch": None,
    }
    # As preprocessing in the same process does.
    cv2.setNumThreads(1)
    backend.predict(INPUTS)
    assert backend.effective().settings["threads"] == 2


def test_after_close_there_is_no_answer(doubling, backend):
    backend.load(doubling, threads=1)
    refuse_after_close(backend)


def test_loading_says_nothing(doubling, backend, tmp_path, capfd):
    backend.load(doubling, threads=1)
    backend.predict(INPUTS)
    with pytest.raises(InputError):
        path = write_model(tmp_path / "other.onnx", sum="Fold")
        backend.load(dataclasses.replace(doubling, path=path), threads=1)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize("framework", ["opencv", "caffe"])
def test_real_weights_recognise_the_photographs(
    real_artifact, backend, top1_of_sample20, framework
):
    backend.load(real_artifact("efficientnet-lite0", framework), threads=2)
    assert top1_of_sample20(backend, framework) == 18


@pytest.mark.parametrize("framework", ["opencv", "caffe"])
@pytest.mark.parametrize("fusion", [True, False])
def test_layers_make_up_the_call_and_have_the_names_of_the_file(
    real_artifact, backend, images, framework, fusion
):
    artifact = real_artifact("efficientnet-lite0", framework)
    backend.load(dataclasses.replace(artifact, options={"fusion": fusion}), threads=1)
    tracer = backend.tracer(with_layers=True)
    sizes = [1, 1, 1, 2, 2]
    tracer.predict({"images": images(2)})
    tracer.forget()
    for size in sizes:
        tracer.predict({"images": images(size)})
    traces = tracer.finish()
    shares = [sum(one.duration_ns for one in each.layers) / each.duration_ns for each in traces]
    # Of the call that other work on the machine came between least.
    assert 0.75 < max(shares) <= 1
    file = real_artifact("efficientnet-lite0", "opencv").path
    nodes = [node.name or node.output[0] for node in onnx.load(file).graph.node]
    for size, trace in zip(sizes, traces, strict=True):
        parts = [part for one in trace.layers for part in one.attributes["constituents"]]
        assert set(nodes) <= set(parts) and len(parts) == len(set(parts))
        assert {one.output_shapes[0][0] for one in trace.layers} == {size}
        kinds = [one.type for one in trace.layers]
        assert kinds.count("Conv") == 49 and ("Clip" in kinds) == (not fusion)
    large, small = (sum(one.flops for one in trace.layers) for trace in (traces[-1], traces[0]))
    assert large == 2 * small > 2 * 0.7e9


def test_the_tensors_of_a_file_are_those_that_the_backend_takes(doubling, caffe):
    for artifact in (doubling, caffe):
        found = signature.read(artifact.format, artifact.path, {})
        for side in ("inputs", "outputs"):
            told = {one.name: (one.dtype, one.shape[1:]) for one in getattr(found, side)}
            declared = {one.name: (one.dtype, one.shape) for one in getattr(artifact, side)}
            assert declared.items() <= told.items()


def test_the_ends_of_an_onnx_file_are_told_as_the_package_onnx_has_them(tiny):
    inputs, outputs = ends(tiny.path)
    told = [(one.name, one.dtype, one.shape) for one in (*inputs, *outputs)]
    assert told == [
        ("images", "float32", (None, 2)),
        ("doubled", "float32", (None, 2)),
        ("best", "int64", (None,)),
    ]


def test_a_prototxt_is_read_in_both_forms(tmp_path):
    newer = PROTOTXT.replace('input: "images"', "").replace(
        "input_dim: 1 input_dim: 2 input_dim: 1 input_dim: 1",
        'layer { name: "images" type: "Input" top: "images" '
        "input_param { shape: { dim: 1 dim: 2 dim: 1 dim: 1 } } }",
    )
    for text in (PROTOTXT, newer):
        found = network(text.encode(), tmp_path)
        assert found.inputs == {"images": (1, 2, 1, 1)}
        assert found.makers == {"sums": "above", "halved": "half"}
        assert found.ends == ("halved",)
