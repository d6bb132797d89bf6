"""Tests that import OpenVINO; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses

import openvino
import pytest
from tests.sut.tiny_answers import (
    answer_and_stay,
    answer_threads_at_once,
    fill_up_a_batch_of_four,
    refuse_after_close,
    refuse_what_is_no_model,
)
from tests.sut.tiny_onnx import INPUTS, write_model

from loadscope.errors import InputError
from loadscope.sut.backend import TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.openvino import signature
from loadscope.sut.openvino.backend import OpenVinoBackend
from loadscope.sut.openvino.info import INFO
from loadscope.sut.tracing import layers


@pytest.fixture
def backend():
    opened = OpenVinoBackend()
    yield opened
    opened.close()


def in_force(backend, artifact, threads=1):
    """Load, and hold what is in force against what was asked, as a measured process does."""
    backend.load(artifact, threads)
    effective = backend.effective()
    require_in_force(INFO, threads, artifact.options, effective)
    return effective.settings


def test_declared_outputs_are_answered_and_stay(tiny, backend):
    backend.load(tiny, threads=1)
    answer_and_stay(backend)


def test_its_own_format_gives_the_same_and_names_both_files(tiny, backend, tmp_path):
    path = tmp_path / "tiny.xml"
    openvino.save_model(openvino.Core().read_model(tiny.path), path, compress_to_fp16=False)
    backend.load(dataclasses.replace(tiny, path=path, format="openvino-ir"), threads=1)
    assert backend.predict(INPUTS)["doubled"].tolist() == [[2, 4], [8, 6], [0, 10]]
    assert INFO.model_files("openvino-ir", path) == [path, path.with_suffix(".bin")]


def test_a_smaller_batch_is_filled_up_and_the_filling_dropped(tiny, backend, tmp_path):
    path = write_model(tmp_path / "fixed.onnx", batch=4)
    backend.load(dataclasses.replace(tiny, path=path, max_batch=4), threads=1)
    fill_up_a_batch_of_four(backend)
    with pytest.raises(InputError, match="has the fixed batch size 4"):
        backend.load(dataclasses.replace(tiny, path=path), threads=1)


def test_threads_call_at_once_and_get_their_own_answers(tiny, backend):
    backend.load(tiny, threads=1)
    answer_threads_at_once(backend)


@pytest.mark.parametrize("content", [b"", b"no model", None])
def test_a_file_that_is_no_model_is_refused(tiny, backend, tmp_path, content):
    broken = dataclasses.replace(tiny, path=tmp_path / "broken.onnx")
    refuse_what_is_no_model(backend, broken, content)


def test_an_operator_that_it_lacks_is_named(tiny, backend, tmp_path):
    path = write_model(tmp_path / "other.onnx", sum="Fold")
    with pytest.raises(InputError, match=rf"cannot load {path}: .*operator Fold of node 'doubled'"):
        backend.load(dataclasses.replace(tiny, path=path), threads=1)


@pytest.mark.parametrize(
    ("changes", "said", "mend"),
    [
        ({"inputs": (TensorInfo("image", "float32", (2,)),)}, "no input 'image'", "'images'"),
        ({"outputs": (TensorInfo("beste", "int64", ()),)}, "no output 'beste'", "'best'"),
        ({"inputs": (TensorInfo("images", "float64", (2,)),)}, "is float32", "correct inputs"),
        ({"inputs": (TensorInfo("images", "float32", (3,)),)}, r"\['batch', 3\]", "correct"),
        ({"options": {"pining": True}}, "no option 'pining'", "did you mean 'pinning'?"),
        ({"options": {"device": "gpx"}}, "no device 'gpx'", "use one of: cpu, gpu, npu"),
        ({"options": {"device": "npu"}}, "no device 'npu' here", "available: cpu"),
        ({"options": {"dtype": "float16"}}, "unknown dtype 'float16'", "float32, bfloat16"),
    ],
)
def test_what_does_not_fit_is_refused(tiny, backend, changes, said, mend):
    with pytest.raises(InputError, match=said) as caught:
        backend.load(dataclasses.replace(tiny, **changes), threads=1)
    assert mend in caught.value.fix


def test_what_the_compiled_model_uses_is_told(tiny, backend):
    options = {"device": "cpu", "pinning": False}
    assert in_force(backend, dataclasses.replace(tiny, options=options)) == {
        "device": "cpu",
        "dtype": "float32",
        "threads": 1,
        "pinning": False,
        "fixed_batch": None,
    }


def test_more_threads_than_the_machine_has_are_an_error_that_names_both(tiny, backend):
    with pytest.raises(InputError, match=r"threads: expected 1000, got \d+: the process may use"):
        in_force(backend, tiny, threads=1000)


def test_bfloat16_is_in_force_or_an_error(tiny, backend):
    artifact = dataclasses.replace(tiny, options={"dtype": "bfloat16"})
    if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert in_force(backend, artifact)["dtype"] == "bfloat16"
    else:
        with pytest.raises(InputError, match="dtype: expected bfloat16, got float32"):
            in_force(backend, artifact)
    assert INFO.numerics(artifact.options, "float32") == "bfloat16"


def test_after_close_there_is_no_answer(tiny, backend):
    backend.load(tiny, threads=1)
    refuse_after_close(backend)


def test_loading_says_nothing(tiny, backend, capfd):
    backend.load(tiny, threads=1)
    backend.predict(INPUTS)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_real_weights_recognise_the_photographs(real_artifact, backend, top1_of_sample20):
    backend.load(real_artifact("efficientnet-lite0", "openvino"), threads=2)
    assert top1_of_sample20(backend, "openvino") == 18


def test_layers_make_up_the_call(real_artifact, backend, images):
    backend.load(real_artifact("efficientnet-lite0", "openvino"), threads=1)
    tracer = backend.tracer(with_layers=True)
    # What it does where the shape changes is in no layer.
    sizes = [1] * 10 + [2] * 10
    for size in sizes[8:12]:
        tracer.predict({"images": images(size)})
    tracer.forget()
    for size in sizes:
        tracer.predict({"images": images(size)})
    traces = tracer.finish()
    assert len(traces) == len(sizes)
    shares = [sum(one.duration_ns for one in each.layers) / each.duration_ns for each in traces]
    # Of the call that other work on the machine came between least.
    assert 0.75 < max(shares) <= 1
    for size, trace in zip(sizes, traces, strict=True):
        assert {layer.output_shapes[0][0] for layer in trace.layers} == {size}
        assert {layer.attributes["runs"] for layer in trace.layers} == {10}
        end = trace.start_ns + trace.duration_ns
        assert all(
            trace.start_ns <= layer.start_ns <= layer.start_ns + layer.duration_ns <= end
            for layer in trace.layers
        )
    large, small = (sum(one.flops for one in trace.layers) for trace in (traces[-1], traces[0]))
    assert large == 2 * small


def test_a_layer_is_named_by_what_onnx_calls_it(tiny, backend):
    backend.load(tiny, threads=1)
    found = layers(backend, INPUTS)
    assert {"Add"} <= {layer.type for layer in found}
    assert [layer.index for layer in found] == list(range(len(found)))


def test_the_tensors_of_a_file_are_those_that_the_backend_takes(tiny, backend):
    found = signature.read("onnx", tiny.path, {})
    for side in ("inputs", "outputs"):
        told = {one.name: (one.dtype, one.shape[1:]) for one in getattr(found, side)}
        declared = {one.name: (one.dtype, one.shape) for one in getattr(tiny, side)}
        assert declared.items() <= told.items()
