"""Tests that import MNN; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from tests.sut.tiny_answers import (
    answer_and_stay,
    answer_threads_at_once,
    fill_up_a_batch_of_four,
    refuse_after_close,
    refuse_what_is_no_model,
)
from tests.sut.tiny_onnx import INPUTS

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.mnn import signature
from loadscope.sut.mnn.backend import MnnBackend
from loadscope.sut.mnn.info import INFO
from loadscope.sut.tracing import layers
from loadscope.tools.convert.mnn_file import convert


@pytest.fixture
def backend():
    opened = MnnBackend()
    yield opened
    opened.close()


def write(path, nodes, kind, width, numbers=()):
    """Write a graph from ``x`` to ``y``, with some numbers as constants."""
    tensors = [
        helper.make_tensor_value_info(name, getattr(TensorProto, kind), ["batch", width])
        for name in "xy"
    ]
    constants = [
        helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in numbers
    ]
    graph = helper.make_graph(nodes, "graph", tensors[:1], tensors[1:], constants)
    opsets = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


@pytest.fixture
def tiny_mnn(tiny, tmp_path):
    path = tmp_path / "tiny.mnn"
    convert(tiny.path, path)
    return dataclasses.replace(tiny, path=path, format="mnn")


def test_declared_outputs_are_answered_and_stay(tiny_mnn, backend):
    backend.load(tiny_mnn, threads=1)
    answer_and_stay(backend)


def test_a_smaller_batch_is_filled_up_and_the_filling_dropped(tiny_mnn, backend):
    backend.load(dataclasses.replace(tiny_mnn, max_batch=4), threads=1)
    fill_up_a_batch_of_four(backend)


def test_threads_call_at_once_and_get_their_own_answers(tiny_mnn, backend):
    backend.load(tiny_mnn, threads=1)
    answer_threads_at_once(backend)


@pytest.mark.parametrize("content", [b"", b"no model" * 9, None])
def test_a_file_that_is_no_model_is_refused(tiny_mnn, backend, tmp_path, content):
    broken = dataclasses.replace(tiny_mnn, path=tmp_path / "broken.mnn")
    refuse_what_is_no_model(backend, broken, content)


def test_an_operator_that_it_lacks_is_named_with_its_node(tmp_path):
    node = helper.make_node("Hardmax", ["x"], ["y"], name="the hardest")
    path = write(tmp_path / "other.onnx", [node], "FLOAT", 2)
    with pytest.raises(InputError, match=r"node 'the hardest' is a Hardmax, which MNN [\d.]+ does"):
        convert(path, tmp_path / "other.mnn")
    assert not (tmp_path / "other.mnn").exists()


@pytest.mark.parametrize(
    ("changes", "said", "mend"),
    [
        ({"inputs": (TensorInfo("image", "float32", (2,)),)}, "no input 'image'", "'images'"),
        ({"outputs": (TensorInfo("beste", "int64", ()),)}, "no output 'beste'", "'best'"),
        ({"inputs": (TensorInfo("images", "float64", (2,)),)}, "is float32", "correct inputs"),
        ({"inputs": (TensorInfo("images", "float32", (3,)),)}, r"\['batch', 3\]", "correct"),
        ({"options": {"dtyp": "float32"}}, "no option 'dtyp'", "did you mean 'dtype'?"),
        ({"options": {"device": "cuda"}}, "no device 'cuda'", "use one of: cpu"),
        ({"options": {"dtype": "bfloat16"}}, "unknown dtype 'bfloat16'", "float32, float16"),
    ],
)
def test_what_does_not_fit_is_refused(tiny_mnn, backend, changes, said, mend):
    with pytest.raises(InputError, match=said) as caught:
        backend.load(dataclasses.replace(tiny_mnn, **changes), threads=1)
    assert mend in caught.value.fix


def test_what_is_in_force_is_told(tiny_mnn, backend):
    backend.load(tiny_mnn, threads=1)
    found = backend.effective()
    require_in_force(INFO, 1, tiny_mnn.options, found)
    assert found.settings == {
        "device": "cpu",
        "dtype": "float32",
        "threads": 1,
        "fixed_batch": None,
    }


def test_more_threads_than_the_machine_has_are_an_error_that_names_both(tiny_mnn, backend):
    backend.load(tiny_mnn, threads=1000)
    with pytest.raises(InputError, match=r"threads: expected 1000, got \d+: the process may use"):
        require_in_force(INFO, 1000, {}, backend.effective())


def test_float16_is_in_force_or_an_error(tiny_mnn, backend):
    from loadscope.sut.mnn.mnn_import import HAS_HALF

    artifact = dataclasses.replace(tiny_mnn, options={"dtype": "float16"})
    assert INFO.numerics(artifact.options, "float32") == "float16"
    backend.load(artifact, threads=1)
    if not HAS_HALF:
        with pytest.raises(InputError, match="dtype: expected float16, got float32: this build"):
            require_in_force(INFO, 1, artifact.options, backend.effective())


def test_numbers_beyond_int32_are_refused(backend, tmp_path):
    path = write(tmp_path / "i.onnx", [helper.make_node("Add", ["x", "x"], ["y"])], "INT64", 2)
    convert(path, tmp_path / "i.mnn")
    x, y = ((TensorInfo(name, "int64", (2,)),) for name in "xy")
    backend.load(Artifact(tmp_path / "i.mnn", "mnn", x, y), threads=1)
    assert backend.predict({"x": np.array([[1, -2]])})["y"].tolist() == [[2, -4]]
    with pytest.raises(InputError, match="'x' has numbers beyond int32"):
        backend.predict({"x": np.array([[1, 1 << 31]])})


def gelu_of_operators(one_first):
    scaled = helper.make_node("Div", ["x", "root"], ["scaled"])
    erf = helper.make_node("Erf", ["scaled"], ["erf"])
    more = helper.make_node("Add", ["one", "erf"] if one_first else ["erf", "one"], ["more"])
    return [
        scaled,
        erf,
        more,
        helper.make_node("Mul", ["x", "more"], ["twice"]),
        helper.make_node("Mul", ["twice", "half"], ["y"]),
    ]


@pytest.mark.parametrize(
    "nodes",
    [
        [helper.make_node("Gelu", ["x"], ["y"])],
        gelu_of_operators(False),
        gelu_of_operators(True),
    ],
)
def test_gelu_is_computed_by_the_error_function(backend, tmp_path, nodes):
    numbers = [("root", 2**0.5), ("one", 1.0), ("half", 0.5)]
    path = write(tmp_path / "gelu.onnx", nodes, "FLOAT", 600, numbers)
    convert(path, tmp_path / "gelu.mnn")
    taken, given = ((TensorInfo(name, "float32", (600,)),) for name in "xy")
    backend.load(Artifact(tmp_path / "gelu.mnn", "mnn", taken, given), threads=1)
    x = np.linspace(-6, 6, 600, dtype=np.float32)[None]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    # MNN's own kernel, by the hyperbolic tangent, is off by 4.7e-4.
    (wanted,) = session.run(None, {"x": x})
    np.testing.assert_allclose(backend.predict({"x": x})["y"], wanted, atol=2e-6)


def test_after_close_there_is_no_answer(tiny_mnn, backend):
    backend.load(tiny_mnn, threads=1)
    refuse_after_close(backend)


def test_it_says_nothing(tiny_mnn):
    """Not while it is imported, nor when a session is made."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from loadscope.sut.mnn.backend import MnnBackend\n"
        "from loadscope.sut.backend import Artifact, TensorInfo\n"
        "backend = MnnBackend()\n"
        "one = TensorInfo('images', 'float32', (2,)), TensorInfo('doubled', 'float32', (2,))\n"
        "backend.load(Artifact(Path(sys.argv[1]), 'mnn', one[:1], one[1:]), 1)\n"
    )
    command = [sys.executable, "-P", "-c", script, tiny_mnn.path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_real_weights_recognise_the_photographs(backend, top1_of_sample20):
    assert top1_of_sample20(backend, "mnn") == 18


def test_layers_make_up_the_call(real_artifact, backend, images):
    backend.load(real_artifact("efficientnet-lite0", "mnn"), threads=1)
    tracer = backend.tracer(with_layers=True)
    sizes = [1, 1, 1, 2, 2, 1]
    tracer.predict({"images": images(1)})
    tracer.forget()
    for size in sizes:
        tracer.predict({"images": images(size)})
    traces = tracer.finish()
    assert len(traces) == len(sizes)
    for size, trace in zip(sizes, traces, strict=True):
        assert sum(layer.duration_ns for layer in trace.layers) <= trace.duration_ns
        end = trace.start_ns + trace.duration_ns
        assert all(
            trace.start_ns <= layer.start_ns <= layer.start_ns + layer.duration_ns <= end
            for layer in trace.layers
        )
        (dense,) = [layer for layer in trace.layers if layer.type == "Gemm"]
        assert dense.output_shapes == ((size, 1000),)
        assert sum(layer.type == "Conv" for layer in trace.layers) == 49
    # What it plans where the shape changes is in no layer.
    ratios = [sum(one.duration_ns for one in trace.layers) / trace.duration_ns for trace in traces]
    assert max(ratios) > 0.75
    large, small = (sum(one.flops for one in trace.layers) for trace in (traces[3], traces[0]))
    assert large == 2 * small


def test_a_layer_is_named_by_what_onnx_calls_it(tiny_mnn, backend):
    backend.load(tiny_mnn, threads=1)
    found = layers(backend, INPUTS)
    assert {"doubled": "Add", "best": "ArgMax"}.items() <= {
        layer.name: layer.type for layer in found
    }.items()
    assert [layer.index for layer in found] == list(range(len(found)))


def test_the_tensors_of_a_file_are_those_that_the_backend_takes(tiny_mnn):
    found = signature.read("mnn", tiny_mnn.path, {})
    assert [(one.name, one.dtype, one.shape) for one in found.inputs] == [
        ("images", "float32", (None, 2))
    ]
    assert {(one.name, one.dtype, one.shape) for one in found.outputs} == {
        ("doubled", "float32", (None, 2)),
        ("best", "int32", (None,)),
    }
