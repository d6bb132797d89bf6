import importlib
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.onnxmlir.perf_report import (
    VARIABLE,
    OperationTime,
    Tensor,
    parse_report,
    placement,
    read_report,
)
from loadscope.sut.onnxmlir.tracer import _record, _records
from loadscope.sut.registry import open_backend
from loadscope.sut.tracing.onnx_graph import OnnxGraph

from .standin.model import write_model

STANDIN = Path(__file__).parent / "standin"
MATRIX = [[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]
LIBRARY = {
    "inputs": [{"type": "f32", "dims": [-1, 3], "name": "features"}],
    "outputs": [
        {"type": "i64", "dims": [-1], "name": "best"},
        {"type": "f32", "dims": [-1, 2], "name": "scores"},
    ],
    "matrix": MATRIX,
}
REPORT = """\
==START-REPORT==
==COMPILE-INFO-REPORT==, {"compiler_version": "0.5.1"}
==SIG-REPORT==, zhigh.MatMul, bert/dense-bert/bias, sig, 8x4xfloat, 4x2xfloat, 8x2xfloat
==SIG-REPORT==, onnx.Cast, bert/mask__27, sig, 1xint64, bool
==PERF-REPORT==, onnx.Cast, bert/mask__27, before, 0.000001, 1692654182.738546
==PERF-REPORT==, onnx.Cast, bert/mask__27, after, 0.000004, 1692654182.738550
a line of the model's own
==PERF-REPORT==, zhigh.Stick, bert/dense, before, 0.000000, 1692654182.738550
==PERF-REPORT==, zhigh.Stick, bert/dense, after, 0.000010, 1692654182.738560
==PERF-REPORT==, zhigh.MatMul, bert/dense-bert/bias, before, 0.000001, 1692654182.738561
==PERF-REPORT==, zhigh.MatMul, bert/dense-bert/bias, after, 0.000100, 1692654182.738661
==START-REPORT==
==PERF-REPORT==, zhigh.MatMul, bert/dense-bert/bias, before, 0.000001, 1692654182.738662
==PERF-REPORT==, zhigh.MatMul, bert/dense-bert/bias, after, 0.000050, 1692654182.738712
"""


@pytest.fixture
def runtime(monkeypatch):
    """The stand-in runtime and compiler."""
    monkeypatch.syspath_prepend(str(STANDIN))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", f"{STANDIN}{os.pathsep}{os.environ['PATH']}")
    importlib.invalidate_caches()
    yield
    for name in ("PyRuntime", "loadscope.sut.onnxmlir.backend"):
        sys.modules.pop(name, None)


@pytest.fixture
def artifact(tmp_path):
    def make(library=LIBRARY, **options):
        path = tmp_path / "small.onnx"
        if isinstance(library, str):
            path.write_text(library)
        else:
            write_model(path, library)
        return Artifact(
            path=path,
            format="onnx",
            inputs=(TensorInfo("features", "float32", (3,)),),
            outputs=(TensorInfo("scores", "float32", (2,)), TensorInfo("best", "int64", ())),
            options=options,
        )

    return make


def loaded(artifact):
    backend = open_backend("onnxmlir")
    backend.load(artifact, threads=1)
    return backend


def test_a_model_is_compiled_and_run_with_its_outputs_by_name(runtime, artifact):
    backend = loaded(artifact())
    features = np.array([[1, 2, 3], [5, 0, 0]], np.float32)
    found = backend.predict({"features": features})
    np.testing.assert_array_equal(found["scores"], features @ np.array(MATRIX, np.float32))
    assert found["best"].tolist() == [1, 0]
    backend.close()
    with pytest.raises(RuntimeError, match="after close"):
        backend.predict({"features": features})


def test_it_is_compiled_once_for_each_set_of_options(runtime, artifact, tmp_path):
    for _ in range(2):
        loaded(artifact(accelerator="NNPA", march="z16"))
    loaded(artifact(march="z17", optimization=2)).tracer(with_layers=True)
    loaded(artifact(accelerator="NNPA", march="z16")).tracer(with_layers=True)
    assert (tmp_path / "commands.txt").read_text().splitlines() == [
        "--EmitLib -O3 --maccel=NNPA --march=z16",
        "--EmitLib -O2 --march=z17",
        "--EmitLib -O2 --march=z17 --profile-ir-with-sig=Onnx",
        "--EmitLib -O3 --maccel=NNPA --march=z16 --profile-ir-with-sig=ZHigh",
    ]


FEATURES = {"features": np.array([[1, 2, 3], [5, 0, 0]], np.float32)}


def test_layers_are_those_of_the_report(runtime, artifact, capfd):
    backend = loaded(artifact())
    tracer = backend.tracer(with_layers=True)
    assert tracer.one_at_a_time
    tracer.predict(FEATURES)
    tracer.forget()
    for _ in range(2):
        found = tracer.predict(FEATURES)
        np.testing.assert_array_equal(found["scores"], backend.predict(FEATURES)["scores"])
    first, second = tracer.finish()
    assert [(one.type, one.attributes["device"]) for one in first.layers] == [
        ("Stick", "layout"), ("MatMul", "NNPA"), ("ArgMax", "CPU"),
    ]  # fmt: skip
    product = first.layers[1]
    assert [one.attributes["constituents"] for one in first.layers] == [[], ["product"], []]
    assert (product.name, product.attributes["operator"]) == ("product", "zhigh.MatMul")
    assert (product.input_shapes, product.output_shapes) == (((2, 3), (3, 2)), ((2, 2),))
    assert (product.dtype, product.bytes, product.flops) == ("float32", 16, 2 * 3 * 4)
    assert first.layers[2].name == "best, of all" and first.layers[2].dtype == "int64"
    for trace in (first, second):
        end = trace.start_ns + trace.duration_ns
        for layer in trace.layers:
            assert trace.start_ns <= layer.start_ns <= layer.start_ns + layer.duration_ns <= end
    assert second.start_ns > first.start_ns
    assert capfd.readouterr() == ("", "")


def test_a_library_that_is_instrumented_is_traced_as_it_is(runtime, artifact, tmp_path, capfd):
    library = tmp_path / "model.so"
    for profiled in (True, False):
        library.write_text(json.dumps({**LIBRARY, "profiled": profiled}))
        backend = loaded(replace(artifact(), path=library, format="onnx-mlir-library"))
        backend.predict(FEATURES)
        tracer = backend.tracer(with_layers=True)
        if profiled:
            tracer.predict(FEATURES)
            assert len(tracer.finish()[0].layers) == 3
        else:
            with pytest.raises(WorkError, match="wrote no times") as caught:
                tracer.predict(FEATURES)
            assert "--profile-ir-with-sig=ZHigh" in caught.value.fix
    assert capfd.readouterr() == ("", "")


def test_calls_alone_need_no_instrumentation(runtime, artifact, tmp_path):
    tracer = loaded(artifact()).tracer(with_layers=False)
    tracer.predict(FEATURES)
    assert tracer.finish()[0].layers == ()
    assert "profile" not in (tmp_path / "commands.txt").read_text()


def test_a_runtime_that_cannot_be_asked_for_times_is_refused(runtime, artifact, monkeypatch):
    backend = loaded(artifact())
    session = type(backend.tracer(with_layers=True)._session)
    monkeypatch.delattr(session, "print_instrumentation")
    with pytest.raises(InputError, match="no print_instrumentation"):
        backend.tracer(with_layers=True)


def record(operation, *tensors, name="n", start=0):
    found = OperationTime(0, 0, name, operation, "NNPA", start, 5_000, tensors)
    graph = OnnxGraph(types={"a": "Conv", "b": "Relu", "c-d": "Add"})
    return _record(0, found, (10**18, 10**18 + 20_000, 7), graph)


def test_records_have_onnx_names_and_counts():
    image, kernel, result = ((1, 8, 8, 3), (3, 3, 3, 16), (1, 8, 8, 16))
    made = record(
        "zhigh.Conv2D", *(Tensor("float32", shape) for shape in (image, kernel, result)), name="a-b"
    )
    assert (made.type, made.flops) == ("Conv", 2 * 27 * 8 * 8 * 16)
    assert made.attributes["constituents"] == ["a", "b"]
    weights = (16, 3, 3, 3)
    made = record("onnx.Conv", *(Tensor("float32", shape) for shape in (image, weights, result)))
    assert (made.flops, made.attributes["constituents"]) == (2 * 27 * 8 * 8 * 16, [])
    assert record("onnx.Add", name="c-d").attributes["constituents"] == ["c-d"]
    assert record("onnx.Loop").output_shapes == ()
    assert record("onnx.Split", Tensor("dlf16", (2,))).bytes == 0


def test_times_since_the_start_and_since_1970_are_both_inside_the_call():
    assert record("onnx.Add", start=3_000).start_ns == 10**18 + 3_000
    absolute = record("onnx.Add", start=10**18 + 16_000)
    assert (absolute.start_ns, absolute.duration_ns) == (10**18 + 16_000, 4_000)


def test_what_the_library_declares_is_held_against_the_manifest(runtime, artifact):
    changed = {**LIBRARY, "inputs": [{"type": "f16", "dims": [-1, 3], "name": "features"}]}
    with pytest.raises(InputError, match="'features' is float16"):
        loaded(artifact(changed))
    fixed = {**LIBRARY, "inputs": [{"type": "f32", "dims": [4, 3], "name": "features"}]}
    with pytest.raises(InputError, match="fixed batch size 4"):
        loaded(artifact(fixed))
    features = np.arange(6, dtype=np.float32).reshape(2, 3)
    free = loaded(artifact()).predict({"features": features})
    filled = loaded(replace(artifact(fixed), max_batch=4))
    for name, answers in filled.predict({"features": features}).items():
        np.testing.assert_array_equal(answers, free[name])
    other = {**LIBRARY, "inputs": [{"type": "f32", "dims": [-1, 3], "name": "feature"}]}
    with pytest.raises(InputError, match="no input 'features'"):
        loaded(artifact(other))


def test_what_the_compiler_and_the_runtime_say_is_passed_on(runtime, artifact, monkeypatch):
    with pytest.raises(WorkError, match="failed to legalize"):
        loaded(artifact("broken"))
    with pytest.raises(WorkError, match="Cannot open library"):
        loaded(artifact("no json"))
    with pytest.raises(InputError, match="unknown accelerator 'GPU'"):
        loaded(artifact(accelerator="GPU"))
    with pytest.raises(InputError, match="compiler 'zdlc' is not on the path"):
        loaded(artifact(compiler="zdlc"))


def test_without_the_runtime_the_error_says_what_and_where():
    with pytest.raises(InputError, match="not installed") as caught:
        open_backend("onnxmlir")
    assert "PYTHONPATH" in caught.value.fix


def test_a_report_gives_each_operation_with_its_device(tmp_path):
    (tmp_path / "report").write_text(REPORT)
    found = read_report(tmp_path / "report")
    assert [(one.run, one.index, one.type, one.device, one.duration_ns) for one in found] == [
        (0, 0, "Cast", "CPU", 4_000),
        (0, 1, "Stick", "layout", 10_000),
        (0, 2, "MatMul", "NNPA", 100_000),
        (1, 0, "MatMul", "NNPA", 50_000),
    ]
    assert found[2].name == "bert/dense-bert/bias"
    assert [one.shape for one in found[2].tensors] == [(8, 4), (4, 2), (8, 2)]
    assert found[0].tensors == (Tensor("int64", (1,)), Tensor("bool", ()))
    assert found[3].tensors == ()
    (tmp_path / "report").write_text(REPORT.replace("4x2xfloat", "4x?xfloat"))
    assert read_report(tmp_path / "report")[2].tensors == ()
    assert found[0].start_ns == 1692654182_738546000
    assert placement(found) == {"CPU": 4_000, "layout": 10_000, "NNPA": 150_000}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "no times of operations"),
        ("==PERF-REPORT==, onnx.Cast, n, befor", "report:1: not a whole line"),
        ("==PERF-REPORT==, onnx.Cast, n, after, 0.1, x", "report:1: not a whole line"),
        ("==PERF-REPORT==, onnx.Cast, n, amid, 0.1, 0.2", "report:1: not a whole line"),
        ("==SIG-REPORT==, onnx.Cast", "report:1: not a whole line"),
    ],
)
def test_a_broken_report_is_refused_with_its_line(tmp_path, content, named):
    (tmp_path / "report").write_text(content)
    with pytest.raises(InputError, match=named):
        read_report(tmp_path / "report")


LOOP = """==START-REPORT==
==PERF-REPORT==, onnx.Loop, loop, before, 0.000000, 0.000100
==PERF-REPORT==, onnx.Add, add, before, 0.000010, 0.000110
==PERF-REPORT==, onnx.Add, add, after, 0.000020, 0.000130
==PERF-REPORT==, onnx.Add, add, before, 0.000010, 0.000140
==PERF-REPORT==, onnx.Add, add, after, 0.000020, 0.000160
==PERF-REPORT==, onnx.Loop, loop, after, 0.000010, 0.000170
==PERF-REPORT==, onnx.Relu, relu, before, 0.000000, 0.000170
==PERF-REPORT==, onnx.Relu, relu, after, 0.000005, 0.000175
"""


def test_the_body_of_a_loop_is_inside_it():
    found = _records(parse_report(LOOP, "report"), (10**18, 10**18 + 10**6, 1), OnnxGraph())
    assert [(one.name, one.parent, one.duration_ns) for one in found] == [
        ("loop", None, 70_000), ("add", 0, 20_000), ("add", 0, 20_000), ("relu", None, 5_000),
    ]  # fmt: skip
