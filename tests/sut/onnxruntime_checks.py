"""Tests that import ONNX Runtime; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses
import shutil
import subprocess
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.sut.tiny_answers import (
    refuse_after_close,
    refuse_what_is_no_model,
)
from tests.sut.tiny_onnx import INPUTS, write_model

from loadscope.errors import InputError
from loadscope.shapes import Sizes
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.onnxruntime import signature
from loadscope.sut.onnxruntime.backend import OnnxRuntimeBackend
from loadscope.sut.onnxruntime.info import INFO
from loadscope.sut.onnxruntime.load_errors import missing_of_provider
from loadscope.sut.tracing import layers


@pytest.fixture
def backend():
    opened = OnnxRuntimeBackend()
    yield opened
    opened.close()


def test_real_weights_recognise_18_of_the_20_photographs(backend, top1_of_sample20):
    assert top1_of_sample20(backend, "onnxruntime") == 18


def test_the_declared_outputs_are_given_by_name(tiny, backend):
    backend.load(tiny, threads=1)
    outputs = backend.predict(INPUTS)
    assert list(outputs) == ["best", "doubled"]
    np.testing.assert_array_equal(outputs["doubled"], [[2, 4], [8, 6], [0, 10]])
    np.testing.assert_array_equal(outputs["best"], [1, 0, 1])


def test_only_declared_outputs_are_computed(tiny, backend):
    backend.load(dataclasses.replace(tiny, outputs=tiny.outputs[:1]), threads=1)
    assert list(backend.predict(INPUTS)) == ["best"]


def test_threads_at_once_get_what_one_gets(backend, real_artifact, images):
    backend.load(real_artifact("efficientnet-lite0", "onnxruntime"), threads=1)
    batches = [{"images": images(8)[row : row + 2]} for row in range(0, 8, 2)]
    expected = [backend.predict(inputs)["logits"] for inputs in batches]
    with ThreadPoolExecutor(2) as pool:
        found = [answer["logits"] for answer in pool.map(backend.predict, batches * 3)]
    for number, logits in enumerate(found):
        np.testing.assert_array_equal(logits, expected[number % len(batches)])


@pytest.mark.parametrize(
    ("changes", "said", "mend"),
    [
        (
            {"inputs": (TensorInfo("image", "float32", (2,)),)},
            "no input 'image'",
            "did you mean 'images'? it has: images",
        ),
        (
            {"outputs": (TensorInfo("bets", "int64", ()),)},
            "no output 'bets'",
            "did you mean 'best'?",
        ),
        ({"inputs": (TensorInfo("images", "float64", (2,)),)}, r"is float32 \['batch', 2\]", ""),
        ({"inputs": (TensorInfo("images", "float32", (3,)),)}, r"float32 \['batch', 3\]", ""),
        ({"inputs": (TensorInfo("images", "float32", (2, 1)),)}, r"float32 \['batch', 2, 1\]", ""),
        ({"inputs": ()}, "also needs input 'images'", ""),
    ],
)
def test_tensors_that_are_not_the_files_are_refused(tiny, backend, changes, said, mend):
    with pytest.raises(InputError, match=said) as caught:
        backend.load(dataclasses.replace(tiny, **changes), threads=1)
    assert mend in caught.value.fix


def test_a_fixed_batch_size_must_be_declared(tiny, backend, tmp_path):
    path = write_model(tmp_path / "fixed.onnx", batch=4)
    for declared in (None, 1, 8):
        with pytest.raises(InputError, match="'images' has the fixed batch size 4") as caught:
            backend.load(dataclasses.replace(tiny, path=path, max_batch=declared), threads=1)
        assert "max_batch: 4" in caught.value.fix


def test_a_smaller_batch_is_filled_up_and_the_filling_dropped(tiny, backend, tmp_path):
    path = write_model(tmp_path / "fixed.onnx", batch=4)
    backend.load(dataclasses.replace(tiny, path=path, max_batch=4), threads=1)
    tracer = backend.tracer(with_layers=False)
    for predict in (backend.predict, tracer.predict):
        answers = predict(INPUTS)
        assert answers["best"].tolist() == [1, 0, 1]
        assert answers["doubled"].tolist() == [[2, 4], [8, 6], [0, 10]]
    with pytest.raises(InputError, match="has 6 samples; the model's file takes 4"):
        backend.predict({"images": np.repeat(INPUTS["images"], 2, 0)})


@pytest.mark.parametrize("content", [b"", b"no model", None])
def test_a_file_that_is_no_model_is_refused(tiny, backend, tmp_path, content):
    broken = dataclasses.replace(tiny, path=tmp_path / "broken.onnx")
    refuse_what_is_no_model(backend, broken, content)


@pytest.mark.parametrize(
    ("changes", "said", "mend"),
    [
        (
            {"opset": 999},
            r"it is of opset 999 of ai\.onnx, and the last .* knows is \d\d",
            "opset",
        ),
        (
            {"ir_version": 99},
            r"it is of IR version 99, and the last .* knows is \d\d",
            "IR version",
        ),
        (
            {"sum": "Fold"},
            r"opset 18 has no operator Fold \(node 'doubled'\)",
            "the opset that has it",
        ),
        ({"opset": 6}, r"no operator Add of opset 6 \(node 'doubled'\)", "a later opset"),
        (
            {"sum": "Fold", "domain": "com.example"},
            r"operator com.example:Fold \(node 'doubled'\), which is of a library of its own",
            "ONNX's own operators",
        ),
    ],
)
def test_what_the_runtime_lacks_is_named_with_the_file(
    tiny, backend, tmp_path, changes, said, mend
):
    path = write_model(tmp_path / "other.onnx", **changes)
    with pytest.raises(InputError, match=rf"cannot load {path}: .*{said}\n") as caught:
        backend.load(dataclasses.replace(tiny, path=path), threads=1)
    assert mend in caught.value.fix


def test_the_last_opset_that_an_error_names_can_be_loaded(tiny, backend, tmp_path):
    path = write_model(tmp_path / "other.onnx", opset=999)
    with pytest.raises(InputError) as caught:
        backend.load(dataclasses.replace(tiny, path=path), threads=1)
    last = int(caught.value.message.rpartition(" ")[2])
    path = write_model(tmp_path / "last.onnx", opset=last)
    backend.load(dataclasses.replace(tiny, path=path), threads=1)
    assert f"opset {last} or below" in caught.value.fix


@pytest.mark.parametrize(
    ("options", "said", "mend"),
    [
        ({"provider": []}, "no option 'provider'", "did you mean 'providers'?"),
        ({"allow_spinning": 1}, "allow_spinning = 1 is not of type bool", ""),
        ({"graph_optimization": "most"}, "unknown graph_optimization 'most'", "none, basic"),
        (
            {"providers": ["CPUExecutionProvidr"]},
            "no provider 'CPUExecutionProvidr' here",
            "did you mean 'CPUExecutionProvider'? available:",
        ),
        ({"providers": ["TensorrtExecutionProvider"]}, "no provider 'Tensorrt", "available: "),
    ],
)
def test_a_bad_option_is_refused(tiny, backend, options, said, mend):
    with pytest.raises(InputError, match=said) as caught:
        backend.load(dataclasses.replace(tiny, options=options), threads=1)
    assert mend in caught.value.fix


@pytest.mark.parametrize("level", ["none", "basic", "extended", "all"])
def test_every_optimisation_level_gives_the_answer(tiny, backend, level):
    options = {"graph_optimization": level, "allow_spinning": False}
    backend.load(dataclasses.replace(tiny, options=options), threads=2)
    np.testing.assert_array_equal(backend.predict(INPUTS)["best"], [1, 0, 1])


def test_without_an_arena_the_answer_is_the_same(tiny, backend):
    backend.load(dataclasses.replace(tiny, options={"arena": False}), threads=1)
    np.testing.assert_array_equal(backend.predict(INPUTS)["best"], [1, 0, 1])


def test_only_the_cpu_is_used_unless_asked_otherwise(tiny, backend):
    backend.load(tiny, threads=1)
    assert backend._session.get_providers() == ["CPUExecutionProvider"]


def in_force(backend, artifact, threads=1):
    """Load, and hold what is in force against what was asked, as a measured process does."""
    backend.load(artifact, threads)
    effective = backend.effective()
    require_in_force(INFO, threads, artifact.options, effective)
    return effective.settings


def test_what_the_session_uses_is_told(tiny, backend):
    options = {"graph_optimization": "basic", "arena": False}
    assert in_force(backend, dataclasses.replace(tiny, options=options), threads=2) == {
        "providers": ["CPUExecutionProvider"],
        "device": "cpu",
        "threads": 2,
        "graph_optimization": "basic",
        "arena": False,
        "fixed_batch": None,
    }


def test_a_provider_that_falls_back_to_the_cpu_is_an_error(tiny, backend, monkeypatch):
    # What a build for CUDA says of itself, with or without CUDA on the machine; its sessions then
    # use the CPU without an exception, as this build's do.
    said = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: said)
    for asked in (said[:1], said):
        options = {"providers": asked}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            with pytest.raises(InputError) as caught:
                in_force(backend, dataclasses.replace(tiny, options=options))
        assert caught.value.message == (
            f"ONNX Runtime: providers: expected [{', '.join(asked)}], got [CPUExecutionProvider]: "
            "CUDAExecutionProvider is not in this build of ONNX Runtime "
            "(libonnxruntime_providers_cuda.so is not there)"
        )
        assert "--option providers=[CPUExecutionProvider]" in caught.value.fix


@pytest.mark.skipif(shutil.which("gcc") is None, reason="makes libraries with gcc")
def test_the_library_that_a_provider_needs_is_named(tmp_path, monkeypatch):
    """A provider's library that is there and needs one that is not, as without CUDA."""
    capi = tmp_path / "capi"
    capi.mkdir()
    for name, needs in (("needed", ()), ("shared", ()), ("cuda", ("-L.", "-l:libneeded.so"))):
        stem = "libneeded.so" if name == "needed" else f"libonnxruntime_providers_{name}.so"
        command = ["gcc", "-shared", "-nostdlib", "-o", stem, "-x", "c", "/dev/null"]
        subprocess.run([*command, "-x", "none", "-Wl,--no-as-needed", *needs], cwd=capi, check=True)
    (capi / "libneeded.so").unlink()
    monkeypatch.setattr(onnxruntime, "__file__", str(tmp_path / "__init__.py"))
    said = missing_of_provider("CUDAExecutionProvider")
    assert said.startswith("libonnxruntime_providers_cuda.so needs libneeded.so: cannot open")


def test_an_array_that_cannot_be_shared_is_refused(tiny, backend):
    backend.load(tiny, threads=1)
    with pytest.raises(InputError, match="'images' is >f4"):
        backend.predict({"images": INPUTS["images"].astype(">f4")})
    with pytest.raises(InputError, match="not C-contiguous"):
        backend.predict({"images": np.asfortranarray(INPUTS["images"])})


def test_after_close_there_is_no_answer(tiny, backend):
    backend.load(tiny, threads=1)
    refuse_after_close(backend)


def test_an_exported_model_is_whole_and_says_nothing_of_this_machine(real_artifact):
    path = real_artifact("efficientnet-lite0", "onnxruntime").path
    assert [file.name for file in path.parent.iterdir() if file.suffix == ".data"] == []
    content = path.read_bytes()
    assert b".py" not in content
    model = onnx.load_from_string(content)
    assert [opset.version for opset in model.opset_import] == [18]
    dimensions = model.graph.input[0].type.tensor_type.shape.dim
    assert dimensions[0].dim_param
    assert [dimension.dim_value for dimension in dimensions[1:]] == [3, 224, 224]


def test_loading_says_nothing(tiny, backend, capfd):
    backend.load(tiny, threads=1)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
    assert onnxruntime.__version__


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def write_control_flow(path):
    """``If`` in the body of a ``Loop`` of three rounds, then a ``Scan`` over two rows."""
    node, real = helper.make_node, TensorProto.FLOAT
    then = helper.make_graph(
        [node("Relu", ["now"], ["r"], name="then/relu"),
         node("Add", ["r", "r"], ["t"], name="sum")],
        "then", [], [value("t", real, None)],
    )  # fmt: skip
    other = helper.make_graph(
        [node("Neg", ["now"], ["e"], name="else/neg")], "else", [], [value("e", real, None)]
    )
    loop = helper.make_graph(
        [
            node("Identity", ["go"], ["still"], name="body/go"),
            node("If", ["flag"], ["next"], name="body/if", then_branch=then, else_branch=other),
        ],
        "body",
        [value("round", TensorProto.INT64, []), value("go", TensorProto.BOOL, []),
         value("now", real, None)],
        [value("still", TensorProto.BOOL, []), value("next", real, None)],
    )  # fmt: skip
    scan = helper.make_graph(
        [node("Exp", ["row"], ["out"], name="scan/exp")], "scan",
        [value("row", real, [2])], [value("out", real, [2])],
    )  # fmt: skip
    graph = helper.make_graph(
        [
            node("ReduceSum", ["images"], ["whole"], name="whole", keepdims=0),
            node("Greater", ["whole", "nothing"], ["flag"], name="greater"),
            node("Loop", ["three", "flag", "images"], ["looped"], name="loop", body=loop),
            node("Scan", ["looped"], ["doubled"], name="scan", body=scan, num_scan_inputs=1),
        ],
        "tiny", [value("images", real, ["batch", 2])], [value("doubled", real, ["batch", 2])],
        [numpy_helper.from_array(np.array(3), "three"),
         numpy_helper.from_array(np.array(0, np.float32), "nothing")],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def test_bodies_of_control_flow_are_inside_the_layer_that_ran_them(tiny, backend):
    write_control_flow(tiny.path)
    backend.load(dataclasses.replace(tiny, outputs=tiny.outputs[1:]), threads=1)
    found = layers(backend, {"images": np.ones((2, 2), np.float32)})
    around = [None if one.parent is None else found[one.parent].name for one in found]
    pairs = [(one.name, name) for one, name in zip(found, around, strict=True)]
    a_round = [("body/if", "loop"), ("then/relu", "body/if"), ("sum", "body/if")]
    # Whether the copy of a flag is run is the optimiser's choice.
    assert [pair for pair in pairs if pair[0] != "body/go"] == [
        ("whole", None), ("greater", None), ("loop", None), *a_round * 3, ("scan", None),
        *[("scan/exp", "scan")] * 2,
    ]  # fmt: skip
    assert [one.index for one in found] == list(range(len(found)))
    for one in found:
        assert one.attributes["constituents"] == [one.name]
        if one.parent is not None:
            outer = found[one.parent]
            assert outer.start_ns <= one.start_ns
            # Either end is cut off to a whole microsecond.
            assert one.start_ns + one.duration_ns <= outer.start_ns + outer.duration_ns + 1000


def write_open(path, sizes, answer):
    """A sum over the last axis, of which input and output sizes are told as asked."""
    nodes = [helper.make_node("ReduceSum", ["x"], ["y"], axes=[1], keepdims=0)]
    ends = [value("x", TensorProto.FLOAT, sizes)], [value("y", TensorProto.FLOAT, answer)]
    graph = helper.make_graph(nodes, "open", *ends)
    opset = [helper.make_opsetid("", 11)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def test_the_tensors_of_a_file_are_read_and_unknown_sizes_tried(backend, tmp_path):
    path = tmp_path / "open.onnx"
    write_open(path, ["N", 4, 3], ["N", "rest"])
    (x,), (y,) = (vars(signature.read("onnx", path, {}))[side] for side in ("inputs", "outputs"))
    assert (x.name, x.dtype, x.shape) == ("x", "float32", (None, 4, 3))
    assert (y.name, y.dtype, y.shape) == ("y", "float32", (None, 3))
    # Of an unknown rank nothing is told until somebody says it.
    write_open(path, None, None)
    assert signature.read("onnx", path, {}).inputs[0].shape is None
    found = signature.read("onnx", path, {"x": Sizes((1, 4, 3), "")})
    assert [one.shape for one in (*found.inputs, *found.outputs)] == [(None, 4, 3), (None, 3)]
    declared = TensorInfo("x", "float32", (4, 3)), TensorInfo("y", "float32", (3,))
    backend.load(Artifact(path, "onnx", declared[:1], declared[1:]), 1)
    ones = np.ones((2, 4, 3), np.float32)
    assert np.array_equal(backend.predict({"x": ones})["y"], np.full((2, 3), 4, np.float32))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"z": Sizes((1, 4, 3), "")}, "no input 'z'"),
        ({"x": Sizes((1, 4, 5), "")}, r"expected float32 \[N, 4, 3\], as the file has it, got .*5"),
        ({"x": Sizes((1, 4, 3), "int64")}, "got int64"),
    ],
)
def test_what_the_file_says_otherwise_is_refused(tmp_path, said, message):
    write_open(tmp_path / "open.onnx", ["N", 4, 3], ["N", 3])
    with pytest.raises(InputError, match=message):
        signature.read("onnx", tmp_path / "open.onnx", said)
