"""Tests that import MXNet; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from loadscope.errors import InputError
from loadscope.shapes import Sizes
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.mxnet import signature
from loadscope.sut.mxnet.backend import MxnetBackend
from loadscope.sut.mxnet.info import INFO
from loadscope.sut.mxnet.mxnet_import import import_mxnet

mx = import_mxnet(1)

# logits = features times WEIGHTS plus BIAS.
WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3) / 7
BIAS = np.array([1, -2, 3, -4], np.float32)
FEATURES = np.random.default_rng(5).normal(size=(3, 3)).astype(np.float32)


def expected(features):
    return features @ WEIGHTS.T + BIAS


def write(folder, weights=WEIGHTS, bias=BIAS, kind="arg:"):
    """The symbol and its parameters as two files."""
    features = mx.sym.Variable("features")
    logits = mx.sym.FullyConnected(features, num_hidden=4, name="logits")
    path = folder / "model-symbol.json"
    logits.save(str(path))
    arrays = {f"{kind}logits_weight": weights, f"{kind}logits_bias": bias}
    kept = {
        name: mx.nd.array(array, dtype=array.dtype)
        for name, array in arrays.items()
        if array is not None
    }
    mx.nd.save(str(folder / "model-0000.params"), kept)
    return path


@pytest.fixture
def artifact(tmp_path):
    def describe(**changes):
        path = changes.pop("path", None) or write(tmp_path)
        described = Artifact(
            path=path,
            format="symbol",
            inputs=(TensorInfo("features", "float32", (3,)),),
            outputs=(TensorInfo("logits", "float32", (4,)),),
        )
        return dataclasses.replace(described, **changes)

    return describe


@pytest.fixture
def backend():
    opened = MxnetBackend()
    yield opened
    opened.close()


def assert_right(backend, features):
    answer = backend.predict({"features": features})["logits"]
    np.testing.assert_allclose(answer, expected(features), rtol=1e-5, atol=1e-5)


def test_a_symbol_with_its_parameters_beside_it(backend, artifact):
    backend.load(artifact(), threads=1)
    assert_right(backend, FEATURES)


def test_a_symbol_of_one_batch_size_is_filled_up_to_it(backend, artifact, tmp_path):
    path = write(tmp_path)
    whole = mx.sym.load(str(path))
    mx.sym.reshape(whole, shape=(4, 4), name="fixed").save(str(path))
    outputs = (TensorInfo("fixed", "float32", (4,)),)
    backend.load(artifact(path=path, outputs=outputs, max_batch=4), threads=1)
    for count in (3, 1):
        answer = backend.predict({"features": FEATURES[:count]})["fixed"]
        np.testing.assert_allclose(answer, expected(FEATURES[:count]), rtol=1e-5, atol=1e-5)


def test_an_export_of_gluon(backend, artifact, tmp_path):
    block = mx.gluon.nn.HybridSequential()
    block.add(mx.gluon.nn.Dense(4, in_units=3, prefix="logits_"))
    block.initialize()
    block[0].weight.set_data(mx.nd.array(WEIGHTS))
    block[0].bias.set_data(mx.nd.array(BIAS))
    block.hybridize()
    block(mx.nd.array(FEATURES))
    block.export(str(tmp_path / "gluon"))
    inputs = (TensorInfo("data", "float32", (3,)),)
    outputs = (TensorInfo("logits_fwd", "float32", (4,)),)
    path = tmp_path / "gluon-symbol.json"
    backend.load(artifact(path=path, inputs=inputs, outputs=outputs), threads=1)
    answer = backend.predict({"data": FEATURES})["logits_fwd"]
    np.testing.assert_allclose(answer, expected(FEATURES), rtol=1e-5, atol=1e-5)


def test_an_archive_of_both(backend, artifact, tmp_path):
    symbol = write(tmp_path)
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (symbol, tmp_path / "model-0000.params"):
            archive.write(file, file.name)
    backend.load(artifact(path=path), threads=1)
    assert_right(backend, FEATURES)


def test_fusion_that_the_environment_turns_off_is_an_error(backend, artifact, monkeypatch):
    backend.load(artifact(options={"fusion": True}), threads=1)
    assert backend.effective().settings["fusion"] is True
    assert backend.effective().settings["device"] == "cpu"
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")
    with pytest.raises(InputError, match="fusion: expected true, got false: MXNET_SUBGRAPH"):
        require_in_force(INFO, 1, {"fusion": True}, backend.effective())
    backend.load(artifact(options={"fusion": False}), threads=1)
    require_in_force(INFO, 1, {"fusion": False}, backend.effective())


def test_more_shapes_of_batches_than_executors(backend, artifact):
    backend.load(artifact(options={"executors": 2}), threads=1)
    for size in (1, 2, 3, 1, 3, 2, 1):
        assert_right(backend, np.full((size, 3), size, np.float32))


def test_one_executor_is_kept_where_memory_is_short(backend, artifact, monkeypatch):
    monkeypatch.setattr("loadscope.sut.mxnet.backend.memory_limit", lambda: 1)
    backend.load(artifact(), threads=1)
    for size in (1, 2, 3, 1):
        assert_right(backend, np.full((size, 3), size, np.float32))
        assert len(backend._executors) == 1


def test_what_one_thread_has_bound_serves_the_others(backend, artifact):
    backend.load(artifact(), threads=1)
    with ThreadPoolExecutor(3) as pool:
        for _ in pool.map(lambda _: assert_right(backend, FEATURES), range(9)):
            pass
    assert_right(backend, FEATURES)
    assert len(backend._executors) == 1


@pytest.mark.parametrize("before", [None, "MKLDNN"])
def test_without_fusion_the_answers_are_the_same(backend, artifact, monkeypatch, before):
    name = "MXNET_SUBGRAPH_BACKEND"
    if before is None:
        monkeypatch.delenv(name, raising=False)
    else:
        monkeypatch.setenv(name, before)
    backend.load(artifact(options={"fusion": False}), threads=1)
    assert_right(backend, FEATURES)
    assert os.environ.get(name) == before


def test_batches_of_any_size_from_several_threads(backend, artifact):
    backend.load(artifact(), threads=1)
    batches = [np.full((size, 3), size, np.float32) for size in range(1, 9)] * 4
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda features: assert_right(backend, features), batches))


def test_an_answer_outlives_the_next_batch(backend, artifact):
    backend.load(artifact(), threads=1)
    first = backend.predict({"features": FEATURES})["logits"]
    backend.predict({"features": FEATURES * 0})
    np.testing.assert_allclose(first, expected(FEATURES), rtol=1e-5, atol=1e-5)


def test_a_process_does_not_wait_for_the_engine_at_its_end():
    code = (
        "from loadscope.sut.mxnet.mxnet_import import import_mxnet; mx = import_mxnet(1); "
        "mx.base._LIB.MXNotifyShutdown = lambda: print('waits') or 0; print('imported')"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "imported\n")


def test_the_first_import_decides_the_threads(artifact):
    with pytest.raises(InputError, match="MXNet has 1 threads in this process, not 2"):
        MxnetBackend().load(artifact(), threads=2)


def refused(artifact, message):
    with pytest.raises(InputError, match=message) as caught:
        MxnetBackend().load(artifact, threads=1)
    return caught.value.fix


def test_parameters_of_another_shape_are_named(artifact, tmp_path):
    path = write(tmp_path, weights=np.zeros((5, 3), np.float32))
    refused(artifact(path=path), r"do not fit the symbol: logits_weight is \[5, 3\], not \[4, 3\]")


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32"])
def test_parameters_of_another_type_are_refused(artifact, tmp_path, dtype):
    path = write(tmp_path, weights=WEIGHTS.astype(dtype))
    refused(
        artifact(path=path), f"do not fit the symbol: logits has one of {dtype}, not of float32"
    )


@pytest.mark.parametrize(
    ("variance", "said"),
    [
        (np.ones(5, np.float32), r"norm_moving_var is \[5\], not \[4\]"),
        (np.ones(4, np.float64), "norm_moving_var is float64, not float32"),
        (None, "have no norm_moving_var, which the symbol needs"),
    ],
)
def test_statistics_that_do_not_fit_are_named(artifact, tmp_path, variance, said):
    path = write(tmp_path)
    logits = mx.sym.load(str(path))
    mx.sym.BatchNorm(logits, name="norm").save(str(path))
    arrays = mx.nd.load(str(tmp_path / "model-0000.params"))
    arrays.update({f"arg:norm_{name}": mx.nd.ones(4) for name in ("gamma", "beta")})
    arrays["aux:norm_moving_mean"] = mx.nd.zeros(4)
    if variance is not None:
        arrays["aux:norm_moving_var"] = mx.nd.array(variance, dtype=variance.dtype)
    mx.nd.save(str(tmp_path / "model-0000.params"), arrays)
    outputs = (TensorInfo("norm", "float32", (4,)),)
    refused(artifact(path=path, outputs=outputs), said)


def test_parameters_of_save_parameters_are_told_from_an_export(artifact, tmp_path):
    path = write(tmp_path, kind="")
    fix = refused(artifact(path=path), "do not begin with arg: or aux:, as 'logits_")
    assert "HybridBlock.export" in fix


def test_a_weight_whose_shape_and_type_the_inputs_leave_open_is_taken(backend, artifact, tmp_path):
    path = write(tmp_path)
    found = mx.sym.take(mx.sym.Variable("table"), mx.sym.Variable("features"), name="found")
    found.save(str(path))
    mx.nd.save(str(tmp_path / "model-0000.params"), {"arg:table": mx.nd.array(WEIGHTS)})
    inputs = (TensorInfo("features", "int64", ()),)
    outputs = (TensorInfo("found", "float32", (3,)),)
    backend.load(artifact(path=path, inputs=inputs, outputs=outputs), threads=1)
    rows = np.array([2, 0], np.int64)
    np.testing.assert_array_equal(backend.predict({"features": rows})["found"], WEIGHTS[rows])


def test_missing_parameters_are_named(artifact, tmp_path):
    path = write(tmp_path, bias=None)
    refused(artifact(path=path), "have no logits_bias, which the symbol needs")


def test_two_files_of_parameters_are_refused(artifact, tmp_path):
    path = write(tmp_path)
    (tmp_path / "model-0001.params").write_bytes((tmp_path / "model-0000.params").read_bytes())
    refused(artifact(path=path), r"has 2 files \*\.params")


def test_a_symbol_without_parameters_is_refused(artifact, tmp_path):
    path = write(tmp_path)
    (tmp_path / "model-0000.params").unlink()
    refused(artifact(path=path), r"has 0 files \*\.params")


def test_a_damaged_symbol_is_named(artifact, tmp_path):
    path = write(tmp_path)
    path.write_text("{}")
    refused(artifact(path=path), f"cannot load {path}")


def test_damaged_parameters_are_named(artifact, tmp_path):
    path = write(tmp_path)
    (tmp_path / "model-0000.params").write_bytes(b"no parameters")
    refused(artifact(path=path), f"cannot load {path}")


def test_an_unknown_output_names_a_near_one(artifact):
    described = artifact(outputs=(TensorInfo("logit", "float32", (4,)),))
    assert "did you mean 'logits'?" in refused(described, "no output 'logit'")


def test_an_unknown_input_names_a_near_one(artifact):
    described = artifact(inputs=(TensorInfo("feature", "float32", (3,)),))
    assert "did you mean 'features'?" in refused(described, "no input 'feature'")


def test_an_output_of_another_shape_names_both(artifact):
    described = artifact(outputs=(TensorInfo("logits", "float32", (5,)),))
    refused(described, r"'logits' is float32 \['batch', 4\] in the symbol, float32 \['batch', 5\]")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"static": True}, "no option 'static'"),
        ({"executors": 0}, "executors = 0 is less than 1"),
        ({"engine_workers": -1}, "engine_workers = -1 is less than 1"),
    ],
)
def test_a_wrong_option_is_named(artifact, options, message):
    refused(artifact(options=options), message)


def test_the_tensors_of_a_symbol_follow_from_its_inputs(artifact):
    with pytest.raises(InputError, match="does not say the sizes of its input"):
        signature.read("symbol", artifact().path, {})
    (given,) = artifact().inputs
    found = signature.read("symbol", artifact().path, {given.name: Sizes((1, *given.shape), "")})
    for side in ("inputs", "outputs"):
        told = {one.name: (one.dtype, one.shape[1:]) for one in getattr(found, side)}
        declared = {one.name: (one.dtype, one.shape) for one in getattr(artifact(), side)}
        assert declared.items() <= told.items()
