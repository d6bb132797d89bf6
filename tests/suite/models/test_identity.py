"""A model is every file that is loaded, wherever it comes from."""

import hashlib
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from loadscope.errors import InputError
from loadscope.identity import model_difference, model_sha256
from loadscope.rundir.record import ModelRecord
from loadscope.suite.fetch.artifacts import in_cache, materialise
from loadscope.suite.models.manifest import read_manifest
from loadscope.sut.onnx_files import external_data
from loadscope.sut.registry import BACKENDS


def quiet(*_):
    pass


def tensor(name, values, location=""):
    """A tensor, its values in a file of its own where ``location`` names one."""
    made = numpy_helper.from_array(np.asarray(values, np.float32), name)
    if location:
        content = made.raw_data
        made.ClearField("raw_data")
        made.data_location = TensorProto.EXTERNAL
        made.external_data.add(key="location", value=location)
        made.external_data.add(key="length", value=str(len(content)))
    return made


def graph_of(nodes, initializers=(), name="g"):
    ends = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])]
    return helper.make_graph(nodes, name, [], ends, initializers)


@pytest.fixture
def split(tmp_path):
    """An ONNX file whose weights are in three files: initializer, constant, branch."""
    branch = graph_of([helper.make_node("Identity", ["w3"], ["y"])], [tensor("w3", [1, 2], "c")])
    constant = helper.make_node("Constant", [], ["k"], value=tensor("k", [3, 4], "sub/b"))
    inside = tensor("inside", [5, 6])
    # What is only said of a tensor whose values are inside is not loaded.
    inside.external_data.add(key="location", value="never")
    graph = graph_of(
        [constant, helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)],
        [tensor("w", np.ones(5), "m.onnx_data"), inside],
    )
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    return path


def test_the_files_of_weights_are_told_without_onnx(split, tmp_path):
    expected = [tmp_path / name for name in ("c", "m.onnx_data", "sub/b")]
    assert external_data(split) == expected
    assert [BACKENDS[name].model_files("onnx", split) for name in ("onnxruntime", "onnxmlir")] == [
        [split, *expected]
    ] * 2
    whole = tmp_path / "whole.onnx"
    onnx.save(helper.make_model(graph_of([], [tensor("location", [1])])), whole)
    assert external_data(whole) == []


@pytest.mark.parametrize("content", [b"", b"location", b"\xff" * 40 + b"location"])
def test_what_is_no_onnx_has_no_further_files(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    assert external_data(path) == []


@pytest.fixture
def model(entry, write_manifest):
    """The entry of a model whose file is called this."""

    def make(framework="onnxruntime", **changes):
        artifact = {**entry()["artifacts"]["onnxruntime"], **changes}
        made = {**entry(), "artifacts": {framework: artifact}}
        return read_manifest(write_manifest({"tiny": made})).models["tiny"]

    return make


def sha256sum(folder: Path, *names: str) -> str:
    """What the shell says, in the way that the docs show."""
    done = subprocess.run(["sha256sum", *names], cwd=folder, capture_output=True, check=True)
    return hashlib.sha256(done.stdout).hexdigest()


def test_the_digest_is_that_of_all_files(model, split, tmp_path):
    one = model(source="file:m.onnx")
    with pytest.raises(
        InputError, match=f"{tmp_path / 'c'} not found; {split} keeps weights in it"
    ):
        materialise("tiny", one, "onnxruntime", tmp_path / "cache", quiet)
    (tmp_path / "sub").mkdir()
    for name in ("c", "m.onnx_data", "sub/b"):
        (tmp_path / name).write_bytes(name.encode())
    before = materialise("tiny", one, "onnxruntime", tmp_path / "cache", quiet)
    names = ("m.onnx", "c", "m.onnx_data", "sub/b")
    assert tuple(before.files) == names
    assert before.sha256 == sha256sum(tmp_path, *names)
    assert before.verified is False
    (tmp_path / "sub/b").write_bytes(b"other weights")
    after = materialise("tiny", one, "onnxruntime", tmp_path / "cache", quiet)
    assert after.sha256 == sha256sum(tmp_path, *names) != before.sha256
    one, other = (
        ModelRecord(
            id="m", title="M", numerics="float32", sha256=each.sha256, files=dict(each.files)
        )
        for each in (before, after)
    )
    assert "(sub/b)" in model_difference(one, other)


def test_a_folder_is_all_of_its_files(model, tmp_path):
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    names = ("saved_model.pb", "variables/variables.data", "variables/variables.index")
    for name in names:
        (folder / name).write_bytes(name.encode())
    expected = sha256sum(folder, *names)
    saved = {"framework": "tensorflow", "format": "saved-model", "source": "file:saved"}
    made = materialise("tiny", model(**saved), "tensorflow", tmp_path, quiet)
    assert (made.artifact.path, made.sha256, made.verified) == (folder, expected, False)
    assert in_cache("tiny", model(**saved), "tensorflow", tmp_path)
    checked = materialise("tiny", model(**saved, sha256=expected), "tensorflow", tmp_path, quiet)
    assert checked.verified is True
    with pytest.raises(InputError, match="expected sha256 0000"):
        materialise("tiny", model(**saved, sha256="0" * 64), "tensorflow", tmp_path, quiet)
    with pytest.raises(InputError, match="expected a file, as format onnx is, got a folder"):
        materialise("tiny", model(source="file:saved"), "onnxruntime", tmp_path, quiet)


def test_a_symbol_is_its_parameters_too(model, tmp_path):
    (tmp_path / "m-symbol.json").write_text("{}")
    (tmp_path / "m-0001.params").write_bytes(b"weights")
    symbol = model(framework="mxnet", format="symbol", source="file:m-symbol.json")
    made = materialise("tiny", symbol, "mxnet", tmp_path, quiet)
    assert made.sha256 == sha256sum(tmp_path, "m-symbol.json", "m-0001.params")


def test_further_files_are_fetched_from_beside_the_first(model, server, tmp_path):
    server.content = helper.make_model(
        graph_of([], [tensor("w", np.ones(5), "w.bin")])
    ).SerializeToString()
    sha256 = hashlib.sha256(server.content).hexdigest()
    web = {"source": server.url("m.onnx"), "sha256": sha256}
    with pytest.raises(InputError, match=r"w\.bin not found; .* keeps weights in it") as caught:
        materialise("tiny", model(**web), "onnxruntime", tmp_path, quiet)
    assert "name it under files" in caught.value.fix
    # The server has one content for every name.
    listed = model(**web, files={"w.bin": sha256})
    assert not in_cache("tiny", listed, "onnxruntime", tmp_path)
    made = materialise("tiny", listed, "onnxruntime", tmp_path, quiet)
    folder = made.artifact.path.parent
    assert made.sha256 == sha256sum(folder, "m.onnx", "w.bin")
    assert made.verified and in_cache("tiny", listed, "onnxruntime", tmp_path)
    # Beside a file that was fetched, too, what is loaded counts.
    (folder / "w.bin").write_bytes(b"other weights")
    other = materialise("tiny", model(**web), "onnxruntime", tmp_path, quiet)
    assert other.sha256 == sha256sum(folder, "m.onnx", "w.bin") != made.sha256
    assert other.verified is False
    with pytest.raises(InputError, match="is not a plain path"):
        model(**web, files={"../w.bin": sha256})


OLD = {"sha256": "a" * 64}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"m.onnx": "a" * 64}, ""),
        ({"m.onnx": "b" * 64}, "the model differs: sha256"),
        ({"m.onnx": "a" * 64, "w": "c" * 64}, "cannot be compared: one run has recorded"),
        ({"m.onnx": "b" * 64, "w": "c" * 64}, "the model differs: sha256"),
    ],
)
def test_a_run_that_recorded_one_file_is_told_from_one_of_another_model(files, said):
    old = ModelRecord(id="m", title="M", numerics="float32", sha256=OLD["sha256"])
    new = old.model_copy(update={"sha256": model_sha256(files), "files": files})
    for pair in ((old, new), (new, old)):
        found = model_difference(*pair)
        assert found.startswith(said) or said in found
        assert bool(found) == bool(said)
