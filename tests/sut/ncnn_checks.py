"""Tests that import ncnn; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.ncnn import signature
from loadscope.sut.ncnn.backend import NcnnBackend
from loadscope.sut.ncnn.files import GRAPH, unpacked
from loadscope.sut.ncnn.info import INFO
from loadscope.tools.convert.ncnn_files import convert

CHANNELS, SIDE = 3, 8
RANDOM = np.random.default_rng(5)


@pytest.fixture
def backend():
    opened = NcnnBackend()
    yield opened
    opened.close()


def write(path, *middle, kind=TensorProto.FLOAT):
    """A graph of a convolution, whatever is between, and a mean over the image."""
    kernel = RANDOM.normal(size=(4, CHANNELS, 3, 3)).astype(np.float32)
    nodes = [
        *middle,
        helper.make_node("Conv", ["middle", "kernel"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["means"], name="flat"),
    ]
    image = helper.make_tensor_value_info("image", kind, ["batch", CHANNELS, SIDE, SIDE])
    means = helper.make_tensor_value_info("means", TensorProto.FLOAT, ["batch", 4])
    constants = [onnx.numpy_helper.from_array(kernel, "kernel")]
    for name, values in (("at", [1, 0]), ("end", [99, 99]), ("axes", [2, 3]), ("step", [2, 2])):
        constants.append(onnx.numpy_helper.from_array(np.array(values, np.int64), name))
    graph = helper.make_graph(nodes, "graph", [image], [means], constants)
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


SLICE = helper.make_node("Slice", ["image", "at", "end", "axes", "step"], ["middle"], name="cut")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Every second pixel is taken, as YOLOX takes them; ncnn itself cuts without steps alone."""
    folder = tmp_path_factory.mktemp("network")
    convert(write(folder / "network.onnx", SLICE), folder / "network.ncnn.zip")
    return Artifact(
        folder / "network.ncnn.zip",
        "ncnn",
        (TensorInfo("image", "float32", (CHANNELS, SIDE, SIDE)),),
        (TensorInfo("means", "float32", (4,)),),
        max_batch=1,
    )


def images(seed):
    return np.random.default_rng(seed).normal(size=(1, CHANNELS, SIDE, SIDE)).astype(np.float32)


def test_it_answers_as_onnx_runtime_from_any_thread(network, backend):
    source = network.path.with_name("network.onnx")
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    backend.load(network, threads=1)

    def right(seed: int) -> bool:
        (wanted,) = session.run(None, {"image": images(seed)})
        return np.allclose(backend.predict({"image": images(seed)})["means"], wanted, atol=1e-5)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(right, range(100)))


def test_answers_stay(network, backend):
    backend.load(network, threads=1)
    first = backend.predict({"image": images(1)})["means"]
    kept = first.copy()
    assert (backend.predict({"image": images(2)})["means"] != kept).any()
    assert (first == kept).all()


def test_files_side_by_side_are_the_same_model(network, backend, tmp_path):
    backend.load(network, threads=1)
    wanted = backend.predict({"image": images(1)})["means"]
    with unpacked(network.path) as (graph, weights):
        path = tmp_path / "own.param"
        path.write_text(graph.read_text())
        path.with_suffix(".bin").write_bytes(weights.read_bytes())
    assert INFO.model_files("ncnn", path) == [path, path.with_suffix(".bin")]
    backend.load(dataclasses.replace(network, path=path), threads=1)
    assert (backend.predict({"image": images(1)})["means"] == wanted).all()
    path.with_suffix(".bin").write_bytes(b"short")
    with pytest.raises(InputError, match=f"cannot load {path}: "):
        backend.load(dataclasses.replace(network, path=path), threads=1)
    path.with_suffix(".bin").unlink()
    with pytest.raises(InputError, match=r"own\.bin not found"):
        backend.load(dataclasses.replace(network, path=path), threads=1)


@pytest.mark.parametrize("content", ["", "no graph", "7767517\n1 1\nConvolution one 1 x\n", None])
def test_a_file_that_is_no_model_is_refused(network, backend, tmp_path, content):
    path = tmp_path / "broken.param"
    if content is not None:
        path.write_text(content)
        path.with_suffix(".bin").write_bytes(b"")
    with pytest.raises(InputError, match=f"cannot load {path}"):
        backend.load(dataclasses.replace(network, path=path), threads=1)


def test_a_layer_that_it_lacks_is_named_with_its_operator(network, backend, tmp_path):
    path = tmp_path / "own.param"
    with unpacked(network.path) as (graph, weights):
        path.write_text(graph.read_text().replace("Pooling ", "Unfolded "))
        path.with_suffix(".bin").write_bytes(weights.read_bytes())
    with pytest.raises(
        InputError, match=r"layer '\w+' is a Unfolded, which ncnn [\d.]+ does not have"
    ):
        backend.load(dataclasses.replace(network, path=path), threads=1)


def test_what_it_cannot_run_is_not_converted(tmp_path):
    hardest = helper.make_node("Hardmax", ["image"], ["middle"], name="hard", axis=1)
    with pytest.raises(InputError, match=r"layer '\w+' is a .*[Hh]ardmax"):
        convert(write(tmp_path / "a.onnx", hardest), tmp_path / "a.ncnn.zip")
    cast = helper.make_node("Cast", ["image"], ["middle"], to=TensorProto.FLOAT)
    path = write(tmp_path / "b.onnx", cast, kind=TensorProto.INT64)
    with pytest.raises(InputError, match="input 'image' is int64; ncnn takes float32"):
        convert(path, tmp_path / "b.ncnn.zip")
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.parametrize(
    ("changes", "said", "mend"),
    [
        ({"inputs": (TensorInfo("images", "float32", (3, 8, 8)),)}, "no input", "'image'"),
        ({"outputs": (TensorInfo("mean", "float32", (4,)),)}, "no output 'mean'", "'means'"),
        ({"inputs": (TensorInfo("image", "float32", (3, 9, 9)),)}, r"\[.batch., 3, 8, 8\]", "cor"),
        ({"inputs": (TensorInfo("image", "int64", (3, 8, 8)),)}, "ncnn takes float32", "correct"),
        ({"outputs": (TensorInfo("means", "float32", (5,)),)}, r"\['batch', 4\]", "correct"),
        ({"max_batch": None}, "has the fixed batch size 1", "declare max_batch: 1"),
        ({"options": {"winogard": True}}, "no option 'winogard'", "did you mean 'winograd'?"),
        ({"options": {"device": "cuda"}}, "no device 'cuda'", "use one of: cpu"),
    ],
)
def test_what_does_not_fit_is_refused(network, backend, changes, said, mend):
    with pytest.raises(InputError, match=said) as caught:
        backend.load(dataclasses.replace(network, **changes), threads=1)
    assert mend in caught.value.fix


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_what_is_in_force_is_told(network, backend, dtype):
    options = {"dtype": dtype, "winograd": False}
    backend.load(dataclasses.replace(network, options=options), threads=2)
    found = backend.effective()
    require_in_force(INFO, 2, options, found, max_batch=1)
    assert found.settings == {
        "device": "cpu", "threads": 2, "dtype": dtype, "winograd": False, "fixed_batch": 1,
    }  # fmt: skip
    assert INFO.numerics(options, "float32") == dtype


def test_after_close_there_is_no_answer(network, backend):
    backend.load(network, threads=1)
    backend.close()
    with pytest.raises(RuntimeError, match="after close"):
        backend.predict({"image": images(1)})


def test_loading_says_nothing(network, backend, capfd):
    backend.load(network, threads=1)
    backend.predict({"image": images(1)})
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_the_tensors_of_a_file_are_those_that_the_backend_takes(network, tmp_path):
    found = signature.read("ncnn", network.path, {})
    (image,), (means,) = found.inputs, found.outputs
    assert (image.name, image.dtype, image.shape) == ("image", "float32", (1, 3, 8, 8))
    assert (means.name, means.dtype, means.shape) == ("means", "float32", (1, 4))
    with unpacked(network.path) as (graph, weights):
        path = tmp_path / GRAPH
        lines = graph.read_text().splitlines()
        path.write_text("\n".join(one.partition(" 2=3")[0] for one in lines[:3]) + "\n")
        path.write_text(path.read_text() + "\n".join(lines[3:]))
        path.with_suffix(".bin").write_bytes(weights.read_bytes())
    with pytest.raises(InputError, match="does not say the sizes of its input 'image'"):
        signature.read("ncnn", path, {})


def test_layers_make_up_the_call_and_answers_are_the_same(real_artifact, backend, images):
    artifact = real_artifact("efficientnet-lite0", "ncnn")
    backend.load(artifact, threads=1)
    batch = {"images": images(1)}
    tracer = backend.tracer(with_layers=True)
    tracer.predict(batch)
    tracer.forget()
    for _ in range(4):
        found = tracer.predict(batch)["logits"]
        assert (found == backend.predict(batch)["logits"]).all()
    traces = tracer.finish()
    shares = [sum(one.duration_ns for one in each.layers) / each.duration_ns for each in traces]
    # Of the call that other work on the machine came between least.
    assert 0.9 < max(shares) <= 1
    trace = traces[-1]
    kinds = [layer.type for layer in trace.layers]
    assert kinds.count("Conv") == 49
    (dense,) = [layer for layer in trace.layers if layer.type == "Gemm"]
    assert (dense.input_shapes, dense.output_shapes) == (((1, 1280),), ((1, 1000),))
    assert sum(layer.flops for layer in trace.layers) == pytest.approx(0.78e9, rel=0.02)


def test_real_weights_recognise_the_photographs(backend, top1_of_sample20):
    assert top1_of_sample20(backend, "ncnn") == 18
