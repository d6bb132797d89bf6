"""Tests that import LiteRT; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses

import numpy as np
import pytest
from tests.sut.tiny_answers import (
    answer_and_stay,
    answer_threads_at_once,
    fill_up_a_batch_of_four,
    refuse_after_close,
    refuse_what_is_no_model,
)
from tests.sut.tiny_onnx import INPUTS
from tests.sut.tiny_tflite import write_model

from loadscope.errors import InputError
from loadscope.sut.backend import TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.litert import signature
from loadscope.sut.litert.backend import LiteRtBackend
from loadscope.sut.litert.info import INFO
from loadscope.sut.litert.kernels import operators_of
from loadscope.sut.tracing import layers
from loadscope.sut.tracing.order import matched


@pytest.fixture
def backend():
    opened = LiteRtBackend()
    yield opened
    opened.close()


@pytest.fixture
def small(tiny, tmp_path):
    return dataclasses.replace(tiny, path=write_model(tmp_path / "tiny.tflite"), format="tflite")


def in_force(backend, artifact, threads=1):
    """Load, and hold what is in force against what was asked, as a measured process does."""
    backend.load(artifact, threads)
    effective = backend.effective()
    require_in_force(INFO, threads, artifact.options, effective, artifact.numerics)
    return effective.settings


@pytest.mark.parametrize("delegate", ["xnnpack", "none"])
def test_declared_outputs_are_answered_and_stay(small, backend, delegate):
    backend.load(dataclasses.replace(small, options={"delegate": delegate}), threads=1)
    answer_and_stay(backend)


def test_a_smaller_batch_is_filled_up_and_the_filling_dropped(small, backend, tmp_path):
    path = write_model(tmp_path / "fixed.tflite", batch=4)
    backend.load(dataclasses.replace(small, path=path, max_batch=4), threads=1)
    fill_up_a_batch_of_four(backend)
    with pytest.raises(InputError, match="has the fixed batch size 4"):
        backend.load(dataclasses.replace(small, path=path), threads=1)


def test_threads_call_at_once_and_get_their_own_answers(small, backend):
    backend.load(small, threads=1)
    answer_threads_at_once(backend)


@pytest.mark.parametrize("content", [b"", b"no model", None])
def test_a_file_that_is_no_model_is_refused(small, backend, tmp_path, content):
    broken = dataclasses.replace(small, path=tmp_path / "broken.tflite")
    refuse_what_is_no_model(backend, broken, content)


def test_an_operator_that_it_lacks_is_named_with_its_node(small, backend, tmp_path):
    path = write_model(tmp_path / "other.tflite", custom="Fold")
    with pytest.raises(InputError, match=rf"cannot load {path}: .*Fold.*[Nn]ode"):
        backend.load(dataclasses.replace(small, path=path), threads=1)


@pytest.mark.parametrize(
    ("changes", "said", "mend"),
    [
        ({"inputs": (TensorInfo("image", "float32", (2,)),)}, "no input 'image'", "'images'"),
        ({"outputs": (TensorInfo("beste", "int64", ()),)}, "no output 'beste'", "'best'"),
        ({"inputs": (TensorInfo("images", "float64", (2,)),)}, "is float32", "correct inputs"),
        ({"inputs": (TensorInfo("images", "float32", (3,)),)}, r"\['batch', 3\]", "correct"),
        ({"options": {"delegat": "none"}}, "no option 'delegat'", "did you mean 'delegate'?"),
        ({"options": {"device": "cuda"}}, "no device 'cuda'", "use one of: cpu"),
        ({"options": {"delegate": "gpu"}}, "unknown delegate 'gpu'", "xnnpack, none"),
    ],
)
def test_what_does_not_fit_is_refused(small, backend, changes, said, mend):
    with pytest.raises(InputError, match=said) as caught:
        backend.load(dataclasses.replace(small, **changes), threads=1)
    assert mend in caught.value.fix


@pytest.mark.parametrize("threads", [1, 3])
def test_what_the_interpreter_uses_is_told(small, backend, threads):
    assert in_force(backend, small, threads) == {
        "device": "cpu",
        "dtype": "float32",
        "delegate": "xnnpack",
        "threads": threads,
        "fixed_batch": None,
    }
    without = dataclasses.replace(small, options={"delegate": "none"})
    assert in_force(backend, without)["delegate"] == "none"


def test_quantised_weights_are_told_and_must_be_declared(small, backend, tmp_path):
    path = write_model(tmp_path / "int8.tflite", quantised=True)
    quantised = dataclasses.replace(small, path=path)
    with pytest.raises(InputError, match="dtype: expected float32, got int8"):
        in_force(backend, quantised)
    assert in_force(backend, dataclasses.replace(quantised, numerics="int8"))["dtype"] == "int8"
    assert signature.read("tflite", path, {}).numerics == "int8"


def test_after_close_there_is_no_answer(small, backend):
    backend.load(small, threads=1)
    refuse_after_close(backend)


def test_loading_says_nothing(small, backend, capfd):
    backend.load(small, threads=1)
    backend.predict(INPUTS)
    layers(backend, INPUTS)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_real_weights_recognise_the_photographs(real_artifact, backend, top1_of_sample20):
    backend.load(real_artifact("efficientnet-lite0", "litert"), threads=2)
    assert top1_of_sample20(backend, "litert") == 18


def test_layers_make_up_the_call_and_have_the_names_of_the_file(real_artifact, backend, images):
    backend.load(real_artifact("efficientnet-lite0", "litert"), threads=1)
    tracer = backend.tracer(with_layers=True)
    sizes = [1] * 4 + [2] * 4
    batches = {size: np.ascontiguousarray(np.moveaxis(images(size), 1, -1)) for size in (1, 2)}
    for size in sizes[3:5]:
        found = tracer.predict({"images": batches[size]})["logits"]
        own = backend.predict({"images": batches[size]})["logits"]
        np.testing.assert_allclose(found, own, rtol=1e-4, atol=1e-4)
    tracer.forget()
    for size in sizes:
        tracer.predict({"images": batches[size]})
    traces = tracer.finish()
    assert len(traces) == len(sizes)
    shares = [sum(one.duration_ns for one in each.layers) / each.duration_ns for each in traces]
    # Of the call that other work on the machine came between least.
    assert 0.9 < max(shares) <= 1
    for size, trace in zip(sizes, traces, strict=True):
        assert {layer.output_shapes[0][0] for layer in trace.layers} == {size}
        kinds = [layer.type for layer in trace.layers]
        # The published network: 49 convolutions, nine sums, one product.
        assert (kinds.count("Conv"), kinds.count("Add"), kinds.count("Gemm")) == (49, 9, 1)
        parts = [part for layer in trace.layers for part in layer.attributes["constituents"]]
        assert len(parts) == len(set(parts)) >= 49 + 9 + 1
    large, small = (sum(one.flops for one in trace.layers) for trace in (traces[-1], traces[0]))
    assert large == 2 * small


def test_layers_without_xnnpack_are_the_operators_of_the_file(small, backend):
    backend.load(dataclasses.replace(small, options={"delegate": "none"}), threads=1)
    found = layers(backend, INPUTS)
    assert [layer.attributes["operator"] for layer in found] == ["ADD", "ARG_MAX"]
    assert found[0].attributes["constituents"] == ["double"]
    assert [layer.output_shapes for layer in found] == [((3, 2),), ((3,),)]


def test_kernels_are_matched_by_order_and_kind():
    ran = ["Convolution (NHWC, F32) IGEMM", "Add (ND)", "Clamp (NC)", "Copy (NC, X32)"]
    ran += ["Fully Connected (NC, F32) GEMM"]
    file = ["PAD", "CONV_2D", "ADD", "MEAN", "FULLY_CONNECTED"]
    assert matched([operators_of(each) for each in ran], file) == [1, 2, None, None, 4]


def test_the_tensors_of_a_file_are_those_that_the_backend_takes(small, backend):
    found = signature.read("tflite", small.path, {})
    assert found.numerics == "float32"
    for side in ("inputs", "outputs"):
        told = {one.name: (one.dtype, one.shape[1:]) for one in getattr(found, side)}
        declared = {one.name: (one.dtype, one.shape) for one in getattr(small, side)}
        assert declared.items() <= told.items()
