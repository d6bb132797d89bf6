"""A model's file without a manifest, from the command to what is recorded."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import yaml
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper

from loadscope.errors import InputError
from loadscope.rundir.directory import RunDirectory
from loadscope.submission.package.runs import read_candidate
from loadscope.suite.cli.main import cli
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.backend import TensorInfo

IMAGE = ["N", 3, 8, 8]


def write(
    path: Path, sizes: list[Any] = IMAGE, ids: bool = False, extra: str = "", best: int = 3
) -> Path:
    """A network that takes everything for class ``best`` of 10."""
    answer = np.zeros((1, 10), np.float32)
    answer[0, best] = 9
    axes = list(range(1, len(sizes)))
    constants = {"answer": answer, "zero": np.zeros((1, 1), np.float32), "one": np.array([1])}
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["m"], axes=axes, keepdims=0),
        helper.make_node("Unsqueeze", ["m", "one"], ["r"]),
        helper.make_node("Mul", ["r", "zero"], ["z"]),
        helper.make_node("Add", ["z", "answer"], ["scores"]),
    ]
    value, whole = helper.make_tensor_value_info, TensorProto.INT64
    inputs = [value("x", whole if len(sizes) == 2 else TensorProto.FLOAT, sizes)]
    outputs = [value("scores", TensorProto.FLOAT, [sizes[0], 10])]
    if ids:
        nodes.append(helper.make_node("Identity", ["id"], ["id_out"]))
        inputs.append(value("id", whole, [sizes[0]]))
        outputs.append(value("id_out", whole, [sizes[0]]))
    arrays = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "own", inputs, outputs, arrays)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return path


@pytest.fixture
def loadscope_in(monkeypatch, cache, tmp_path):
    """The command in a folder of its own, in this process."""
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)

    def start(*arguments: object, status: int = 0) -> Result:
        done = CliRunner().invoke(cli, list(map(str, arguments)))
        assert done.exit_code == status, done.output + repr(done.exception)
        return done

    return start


@pytest.fixture
def refused(loadscope_in):
    """The error of a command that cannot use what it is given, as it is shown."""

    def start(*arguments: object) -> str:
        # Outside of ``main`` an error is itself, and any has the status 1.
        error = loadscope_in(*arguments, status=1).exception
        assert isinstance(error, InputError)
        return str(error)

    return start


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (24, 32, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), pixels)
    return folder


SHORT = ("--min-duration", "100ms")


def test_a_file_and_a_folder_are_enough(loadscope_in, refused, photographs, tmp_path):
    write(tmp_path / "My Net.onnx", ids=True)
    (tmp_path / "labels.txt").write_text("0.png 3\n1.png 3\n2.png 4\n3.png 5\n")
    done = loadscope_in(
        "run", "--model", "My Net.onnx", "--dataset-path", photographs, "--labels", "labels.txt",
        "--mode", "performance", "--mode", "accuracy", *SHORT, "--output", "out",
    )  # fmt: skip
    said = done.stderr
    assert (
        "My Net.onnx (onnx, ONNX Runtime): image-classification of 10 classes; "
        "x float32 [N, 3, 8, 8], id int64 [N] NCHW -> scores float32 [N, 10]" in said
    )
    assert "assumed: preprocess imagenet; short side of 9, cut to 8; no benchmark of MLPerf" in said
    record, result = RunDirectory(tmp_path / "out").read(), RunDirectory(tmp_path / "out").result()
    assert record.model.id == "my-net" and record.model.mlperf is None
    assert len(record.assumed) == 3 and record.assumed[0] in said
    assert record.spec.scenario == "Offline" and record.spec.framework == "onnxruntime"
    assert record.rehearsal == (
        "min_duration 100 ms instead of 600 s", "min_query_count 1 instead of 100",
    )  # fmt: skip
    assert result is not None and result.accuracy is not None and result.valid
    assert (result.accuracy.metric, result.accuracy.value) == ("top-1", 50.0)
    assert "*.Offline.target_qps = " in (tmp_path / "out" / "user.conf").read_text()
    # What was inferred is what is repeated, whatever is inferred by then; the labels, too.
    loadscope_in("accuracy", "out")
    changed = refused("run", "--resume", "out", "--mode", "TEST01")
    assert "my-net stands for no benchmark of MLPerf" in changed
    loadscope_in("run", "--from", "out", "--output", "again")
    again = RunDirectory(tmp_path / "again").read()
    assert again.model.sha256 == record.model.sha256 and again.data == record.data
    assert again.assumed == record.assumed
    write(tmp_path / "My Net.onnx", ids=True, best=4)
    assert "the model" in refused("run", "--from", "out", "--output", "third")


def test_submit_has_nothing_to_submit_it_as(loadscope_in, tmp_path):
    write(tmp_path / "m.onnx")
    loadscope_in("run", "--model", "m.onnx", "--random-inputs", *SHORT, "--output", "out")
    with pytest.raises(InputError, match="the model m stands for no benchmark of MLPerf"):
        read_candidate(tmp_path / "out")


def test_any_model_runs_on_arrays_in_every_scenario_and_is_traced(loadscope_in, tmp_path):
    write(tmp_path / "text.onnx", ["N", "length"])
    np.savez(tmp_path / "ids.npz", x=np.arange(48).reshape(6, 8))
    for scenario in ("SingleStream", "MultiStream", "Server"):
        more = ["--target-qps", 50] if scenario == "Server" else []
        done = loadscope_in(
            "run", "--model", "text.onnx", "--input-data", "ids.npz", "--scenario", scenario,
            *SHORT, *more, "--json", "--output", scenario,
        )  # fmt: skip
        told = json.loads(done.stdout)
        assert told["accuracy"] is None and "no true answers" in done.stderr
        record = RunDirectory(tmp_path / scenario).read()
        assert (record.data.samples, record.model.task) == (6, "tensors")
        artifact = Catalogue.of_run(record).get("text").artifacts["onnxruntime"]
        assert artifact.tensors("inputs") == (TensorInfo("x", "int64", (8,)),)
    traced = loadscope_in(
        "trace", "--model", "text.onnx", "--random-inputs", "--shape", "x=1,8", "--scenario",
        "SingleStream", "--batches", 2, "--json", "--output", "traced",
    )  # fmt: skip
    assert "Add" in {one["type"] for one in json.loads(traced.stdout)["layers"]}


def test_outputs_on_arrays_are_held_against_a_golden_file(loadscope_in, tmp_path):
    write(tmp_path / "m.onnx")
    about = ("--model", "./m.onnx", "--framework", "onnxruntime", "--random-inputs", "--count", 3)
    loadscope_in("golden", *about, "--output", "m.npz")
    held = ("validate", "--golden", "m.npz", *about[:-2], "--json")
    assert json.loads(loadscope_in(*held).stdout)["passed"]
    write(tmp_path / "m.onnx", best=5)
    assert json.loads(loadscope_in(*held, status=1).stdout)["passed"] is False


def test_a_draft_is_a_manifest_that_check_holds_against_the_file(loadscope_in, refused, tmp_path):
    write(tmp_path / "m.onnx")
    text = loadscope_in("models", "draft", "m.onnx", "--preprocess", "unit").stdout
    assert text.startswith("# m.onnx (onnx, ONNX Runtime): image-classification of 10 classes")
    (tmp_path / "m.yaml").write_text(text)
    found = loadscope_in("models", "check", "m.yaml").stdout
    assert found == "models.m.artifacts.onnxruntime: as its file\n"
    manifest = yaml.safe_load(text)
    artifact = manifest["models"]["m"]["artifacts"]["onnxruntime"]
    assert artifact["source"] == f"file:{tmp_path / 'm.onnx'}"
    artifact["inputs"] = {"x": {"dtype": "uint8", "shape": [3, 8, 8]}}
    artifact["outputs"] = {"score": {"dtype": "float32", "shape": [10]}}
    manifest["models"]["m"]["preprocess"] |= {"mean": [0, 0, 0], "std": [1, 1, 1]}
    manifest["models"]["m"]["postprocess"]["output"] = "score"
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(manifest))
    wrong = refused("models", "check", "m.yaml")
    assert "got uint8 [1, 3, 8, 8]" in wrong or "declared uint8" in wrong
    manifest["models"]["m"] |= {"licens": "x", "title": 3}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(manifest))
    form = refused("models", "check", "m.yaml")
    assert "unknown key 'models.m.licens'" in form and "models.m.title" in form


# Which of the two is told depends on what is installed.
GENAI = (
    ("genai_config.json: not JSON", "model builder")
    if find_spec("onnxruntime_genai")
    else ("genai: ONNX Runtime GenAI is not installed here", "pip install 'loadscope[genai]'")
)
FREE = "sizes of its inputs free: 'x' [N,?]"


@pytest.mark.parametrize(
    ("arguments", "message", "fix"),
    [
        ("none.onnx", "none.onnx: not found", "check the path"),
        ("./net.bin", "no framework reads a file of this name", "--models"),
        ("m.onnx --framework pytorch", "PyTorch does not read it", "onnxruntime"),
        ("./genai", *GENAI),
        ("genai", *GENAI),
        ("./genai/genai_config.json", "is a part of a model's folder", "name it: genai"),
        ("./genai --framework onnxruntime", "ONNX Runtime does not read it", "genai"),
        # Its importer takes one, and answers wrongly.
        ("net.tflite --framework opencv", "OpenCV DNN does not read it", "litert"),
        ("m.onnx", "missing key 'dataset_path'", "--dataset-path"),
        ("m.onnx --shape y=1,3", "no input 'y'", "x"),
        ("m.onnx --shape x=1,3,9,9", "expected float32 [N, 3, 8, 8]", "--shape"),
        ("m.onnx --shape x=0,3", "sizes from 1 on", "--help"),
        ("m.onnx --task object-detection", "not those of object-detection", "--task"),
        ("m.onnx --random-inputs --mode accuracy", "no true answers", "--mode"),
        ("m.onnx --random-inputs --input-data i.npz", "no meaning beside", "--help"),
        ("m.onnx --input-data i.npz", "i.npz: not found", ".npz"),
        ("m.onnx --preprocess how.yaml", "how.yaml: not found", "check the path"),
        ("text.onnx --random-inputs", FREE, "x=1,128"),
        ("text.onnx", "do not tell the task", "--task tensors"),
        (
            "resnet50 --preprocess unit --framework onnxruntime --scenario Offline",
            "resnet50 has an entry that says it",
            "tensors",
        ),
    ],
)
def test_bad_input_is_told_in_two_lines(refused, tmp_path, arguments, message, fix):
    write(tmp_path / "m.onnx")
    write(tmp_path / "text.onnx", ["N", "length"])
    (tmp_path / "genai").mkdir()
    for name in ("net.bin", "net.tflite", "genai/genai_config.json", "genai/model.onnx"):
        (tmp_path / name).write_bytes(b"?")
    said = refused("run", "--model", *arguments.split()).splitlines()
    assert (
        message in said[0] and len(said) == 2 and said[-1].startswith("  fix: ") and fix in said[-1]
    )
