"""Tests that import TensorFlow; ``test_frameworks.py`` runs them in a process of their own."""

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.tensorflow import signature
from loadscope.sut.tensorflow.backend import TensorFlowBackend
from loadscope.sut.tensorflow.info import INFO

# logits = the image's mean over height and width, times WEIGHTS, plus BIAS; aggregate = their sum.
WEIGHTS = np.arange(12, dtype=np.float32).reshape(3, 4) / 7
BIAS = np.array([1, -2, 3, -4], np.float32)
BATCH = {"images": np.random.default_rng(5).normal(size=(3, 8, 8, 3)).astype(np.float32)}


def expected(images):
    logits = images.mean((1, 2)) @ WEIGHTS + BIAS
    return {"logits": logits, "aggregate": logits.sum(1)}


def frozen(path, batch=None):
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [batch, 8, 8, 3], "images")
        product = tf.matmul(tf.reduce_mean(images, [1, 2]), WEIGHTS)
        logits = tf.nn.bias_add(product, BIAS, name="logits")
        tf.reduce_sum(logits, 1, name="aggregate")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def saved(path):
    module = tf.Module()
    module.weights, module.bias = tf.Variable(WEIGHTS), tf.Variable(BIAS)

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32, "images")])
    def score(images):
        logits = tf.reduce_mean(images, [1, 2]) @ module.weights + module.bias
        return {"logits": logits, "aggregate": tf.reduce_sum(logits, 1)}

    tf.saved_model.save(module, path, signatures={"serving_default": score})
    return path


def keras(path):
    images = tf.keras.Input((8, 8, 3), name="images")
    pooled = tf.keras.layers.GlobalAveragePooling2D()(images)
    dense = tf.keras.layers.Dense(4, name="logits")
    logits = dense(pooled)
    summed = tf.keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(logits)
    aggregate = tf.keras.layers.Reshape((), name="aggregate")(summed)
    dense.set_weights([WEIGHTS, BIAS])
    tf.keras.Model(images, [logits, aggregate]).save(path)
    return path


FORMATS = {
    "frozen-graph": (frozen, "model.pb"),
    "saved-model": (saved, "folder"),
    "keras": (keras, "model.keras"),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {format: write(folder / name) for format, (write, name) in FORMATS.items()}


@pytest.fixture
def artifact(models):
    def describe(format="frozen-graph", **changes):
        described = Artifact(
            path=models[format],
            format=format,
            inputs=(TensorInfo("images", "float32", (8, 8, 3)),),
            outputs=(
                TensorInfo("logits", "float32", (4,)),
                TensorInfo("aggregate", "float32", ()),
            ),
            layout="NHWC",
        )
        return dataclasses.replace(described, **changes)

    return describe


@pytest.fixture
def backend():
    opened = TensorFlowBackend()
    yield opened
    opened.close()


def assert_right(answers, images):
    wanted = expected(images)
    assert list(answers) == list(wanted)
    for name, array in answers.items():
        np.testing.assert_allclose(array, wanted[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_gives_the_declared_outputs_in_their_order(backend, artifact, format):
    backend.load(artifact(format), threads=1)
    assert_right(backend.predict(BATCH), BATCH["images"])


def test_outputs_may_be_declared_in_any_order(backend, artifact):
    described = artifact("saved-model")
    backend.load(dataclasses.replace(described, outputs=described.outputs[::-1]), threads=1)
    assert list(backend.predict(BATCH)) == ["aggregate", "logits"]


def test_a_tensor_may_be_named_with_its_position(backend, artifact):
    names = artifact(
        inputs=(TensorInfo("images:0", "float32", (8, 8, 3)),),
        outputs=(TensorInfo("logits:0", "float32", (4,)),),
    )
    backend.load(names, threads=1)
    answer = backend.predict({"images:0": BATCH["images"]})["logits:0"]
    np.testing.assert_allclose(answer, expected(BATCH["images"])["logits"], rtol=1e-5)


def test_batches_of_any_size_from_several_threads(backend, artifact):
    backend.load(artifact(), threads=1)
    batches = [np.full((size, 8, 8, 3), size, np.float32) for size in range(1, 9)] * 4
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda images: backend.predict({"images": images}), batches))
    for images, answer in zip(batches, answers, strict=True):
        assert_right(answer, images)


def test_work_is_done_in_the_calling_threads(backend, artifact):
    # One thread for the operators of all calls would make workers wait for each other.
    backend.load(artifact(), threads=1)
    config = backend._session._config
    assert config.inter_op_parallelism_threads == -1
    assert config.intra_op_parallelism_threads == 1


def test_a_search_begins_with_what_is_done_without_options(backend, artifact):
    first = {each.name: each.values[0] for each in INFO.tunables}
    backend.load(artifact(options=first), threads=1)
    assert backend._session._config.inter_op_parallelism_threads == -1


def test_the_process_has_one_pool(backend, artifact):
    backend.load(artifact(), threads=1)
    with pytest.raises(InputError, match="a pool of 1 threads in this process, not 2"):
        TensorFlowBackend().load(artifact(), threads=2)


def refused(artifact, message):
    with pytest.raises(InputError, match=message) as caught:
        TensorFlowBackend().load(artifact, threads=1)
    return caught.value.fix


@pytest.mark.parametrize("format", FORMATS)
def test_a_missing_output_names_a_near_one(artifact, format):
    described = artifact(format, outputs=(TensorInfo("logitz", "float32", (4,)),))
    assert "did you mean 'logits'?" in refused(described, "the graph has no output 'logitz'")


@pytest.mark.parametrize("name", ["imags", "image:0", "pixels_in"])
@pytest.mark.parametrize("format", FORMATS)
def test_a_missing_input_names_a_near_one(artifact, format, name):
    described = artifact(format, inputs=(TensorInfo(name, "float32", (8, 8, 3)),))
    fix = refused(described, f"the graph has no input '{name}'")
    ends = "inputs" if format == "frozen-graph" else "inputs and outputs"
    assert f"its {ends}: images" in fix
    assert ("did you mean 'images'?" in fix) == name.startswith("imag")


def test_a_missing_node_of_a_frozen_graph_lists_the_near_names(artifact, tmp_path):
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [None, 8, 8, 3], "images")
        for number in range(7):
            tf.reduce_mean(images, [1, 2], name=f"head/scores_{number}")
    path = tmp_path / "heads.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    described = artifact(path=path, outputs=(TensorInfo("head/scores", "float32", (3,)),))
    fix = refused(described, "the graph has no output 'head/scores'")
    assert "did you mean 'head/scores_" in fix
    near = fix.partition("near it: ")[2].partition(";")[0].split(", ")
    assert len(near) == 5
    assert all(name.startswith("head/scores_") for name in near)
    assert "its ends: " in fix
    assert fix.endswith(" and 2 more")
    described = artifact(path=path, outputs=(TensorInfo("zzz", "float32", (3,)),))
    fix = refused(described, "the graph has no output 'zzz'")
    assert fix.startswith("its ends: head/scores_0, ")


@pytest.mark.parametrize(
    ("dtype", "shape"), [("float32", (3, 8, 8)), ("float64", (8, 8, 3)), ("float32", (8, 8))]
)
def test_an_input_of_another_form_names_both_forms(artifact, dtype, shape):
    described = artifact(inputs=(TensorInfo("images", dtype, shape),))
    refused(described, r"input 'images' is float32 \(None, 8, 8, 3\) in the graph, " + dtype)


def test_a_fixed_batch_must_be_declared_and_is_filled_up(backend, artifact, tmp_path):
    described = artifact(path=frozen(tmp_path / "two.pb", batch=2))
    refused(described, "'images' has the fixed batch size 2")
    backend.load(dataclasses.replace(described, max_batch=2), threads=1)
    for count in (1, 2):
        assert_right(backend.predict({"images": BATCH["images"][:count]}), BATCH["images"][:count])


@pytest.mark.parametrize("format", FORMATS)
def test_a_damaged_file_is_named(artifact, tmp_path, format):
    path = tmp_path / "damaged.keras"
    path.write_bytes(b"no model at all")
    refused(artifact(format, path=path), f"cannot load {path} as {format}")


def test_a_file_without_a_graph_is_refused(artifact, tmp_path):
    path = tmp_path / "empty.pb"
    path.write_bytes(b"")
    refused(artifact(path=path), "no nodes")


def test_an_unknown_signature_lists_the_known_ones(artifact):
    described = artifact("saved-model", options={"signature": "serving"})
    assert "serving_default" in refused(described, "no signature 'serving'")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"xla": True}, "no option 'xla'"),
        ({"inter_op": "two"}, "not of type int"),
        ({"dtype": "int8"}, "unknown dtype 'int8'"),
        ({"inter_op": 0}, "inter_op = 0 is no number of threads"),
    ],
)
def test_a_wrong_option_is_named(artifact, options, message):
    refused(artifact(options=options), message)


def test_what_the_graph_computes_in_is_told(backend, artifact):
    backend.load(artifact(), threads=1)
    assert backend.effective().settings == {"threads": 1, "device": "cpu", "fixed_batch": None}
    backend.load(artifact(options={"dtype": "bfloat16"}), threads=1)
    flags = Path("/proc/cpuinfo").read_text()
    wanted = "bfloat16" if "avx512" in flags or "amx_bf16" in flags else "float32"
    assert backend.effective().settings["dtype"] == wanted
    # Without the pass the graph stays float32, which is then an error.
    backend._session.close()
    backend._session = tf.compat.v1.Session(graph=backend._session.graph)
    effective = backend.effective()
    with pytest.raises(InputError, match="dtype: expected bfloat16, got float32: oneDNN's"):
        require_in_force(INFO, 1, {"dtype": "bfloat16"}, effective)


def test_bfloat16_keeps_the_declared_types(backend, artifact):
    backend.load(artifact(options={"dtype": "bfloat16"}), threads=1)
    answers, wanted = backend.predict(BATCH), expected(BATCH["images"])
    for name, array in answers.items():
        assert array.dtype == np.float32
        # bfloat16 keeps 8 bits of a number; a processor without it computes in float32.
        assert np.abs(array - wanted[name]).max() <= 0.05 * np.abs(wanted[name]).max()


def test_a_batch_of_another_shape_is_refused(backend, artifact):
    backend.load(artifact(), threads=1)
    with pytest.raises(InputError, match="input 'images' is"):
        backend.predict({"images": np.zeros((1, 3, 8, 8), np.float32)})


def test_importing_is_quiet():
    command = [sys.executable, "-c", "import loadscope.sut.tensorflow.backend"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("format", ["frozen-graph", "saved-model", "keras"])
def test_the_tensors_of_a_model_are_those_that_the_backend_takes(artifact, format):
    declared = artifact(format)
    found = signature.read(format, declared.path, {})
    for side in ("inputs", "outputs"):
        told = {one.name: (one.dtype, one.shape[1:]) for one in getattr(found, side)}
        known = {one.name: (one.dtype, one.shape) for one in getattr(declared, side)}
        # A frozen graph does not say which of its results are answers: its ends are.
        known.pop("logits" if format == "frozen-graph" else "", None)
        assert told == known
