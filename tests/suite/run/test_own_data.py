"""Data as people have them, from the command to a score out of LoadGen's own log."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import yaml
from click.testing import CliRunner
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from loadscope.errors import InputError
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.suite.cli.main import cli


def constant_model(
    path: Path, shape: list[int | str], name: str, answer: NDArray[np.float32]
) -> None:
    """A network that gives the same answer for whatever it sees."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["m"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["m", "column"], ["r"]),
        helper.make_node("Mul", ["r", "zero"], ["z"]),
        helper.make_node("Add", ["z", "answer"], [name]),
    ]
    zero = np.zeros([1] * answer.ndim, np.float32)
    column = np.array([-1] + [1] * (answer.ndim - 1), np.int64)
    constants: dict[str, NDArray[Any]] = {"zero": zero, "column": column, "answer": answer}
    output = [shape[0], *answer.shape[1:]]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, output)],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def manifest(folder: Path, size: int, output: str, shape: list[int], **model: Any) -> Path:
    artifact = {
        "source": "file:m.onnx",
        "format": "onnx",
        "layout": "NCHW",
        "inputs": {"images": {"dtype": "float32", "shape": [3, size, size]}},
        "outputs": {output: {"dtype": "float32", "shape": shape}},
    }
    names = {"submission": ["own"], "loadgen": "own", "compliance": "own", "rules": "own"}
    entry = {
        "title": "Own",
        "licence": "Apache-2.0",
        "mlperf": {**names, "division": "open"},
        "artifacts": {"onnxruntime": artifact},
        **model,
    }
    path = folder / "m.yaml"
    path.write_text(yaml.safe_dump({"schema": 1, "models": {"own": entry}}))
    return path


def photograph(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.name)).integers(0, 255, (24, 32, 3), np.uint8)
    cv2.imwrite(str(path), noise)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path):
    """``loadscope run`` on a folder; gives its JSON, its folder and what it said."""
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)

    def start(models: Path, data: Path | str, *more: str) -> tuple[dict[str, Any], Path, str]:
        arguments = [
            "run", "--model", "own", "--models", str(models), "--framework", "onnxruntime",
            "--scenario", "Offline", "--dataset-path", str(data), "--json",
            "--min-duration", "100ms", *more,
            *(() if "--output" in more else ("--output", "out")),
        ]  # fmt: skip
        done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout), tmp_path / "out", done.stderr

    return start


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    scores = np.zeros((1, 10), np.float32)
    scores[0, [3, 1, 4, 0, 2]] = 9, 8, 7, 6, 5
    constant_model(tmp_path / "m.onnx", ["N", 3, 8, 8], "logits", scores)
    return manifest(
        tmp_path, 8, "logits", [10], task="image-classification", dataset="imagenet", classes=10,
        accuracy={"metric": "top5"}, postprocess={"kind": "argmax", "output": "logits"},
        preprocess={"geometry": "resize-then-crop", "short_side": 10, "size": 8, "mean": [0, 0, 0],
                    "resampler": "opencv-bilinear", "std": [1, 1, 1]},
    )  # fmt: skip


def test_top_5_is_scored_out_of_loadgens_log(run, classifier, tmp_path):
    labels = (3, 2, 9, 8)
    for number in range(len(labels)):
        photograph(tmp_path / "data" / f"{number}.png")
    lines = [f"{number}.png {label}\n" for number, label in enumerate(labels)]
    (tmp_path / "data" / "val_map.txt").write_text("".join(lines))
    result, folder, _ = run(classifier, tmp_path / "data", "--mode", "accuracy")
    accuracy = result["accuracy"]
    assert (accuracy["metric"], accuracy["value"], accuracy["target"]) == ("top-5", 50.0, None)
    assert accuracy["details"] == {"good": 2, "total": 4, "top-1": 25.0}
    line = "accuracy=25.000%, good=1, total=4, top-5=50.000%\n"
    assert (folder / "accuracy" / "accuracy.txt").read_text() == line
    answers = read_accuracy_log(folder / "accuracy" / "mlperf_log_accuracy.json")
    assert {np.frombuffer(one.payload, "<f4").tolist() == [3, 1, 4, 0, 2] for one in answers} == {
        True
    }
    again = CliRunner().invoke(cli, ["accuracy", str(folder), "--json"], catch_exceptions=False)
    assert json.loads(again.stdout) == accuracy


def test_photographs_without_labels_have_performance_and_no_score(run, classifier, tmp_path):
    for number in range(3):
        photograph(tmp_path / "data" / f"{number}.png")
    result, folder, said = run(classifier, tmp_path / "data")
    assert f"{tmp_path / 'data'}: no labels: performance alone, no score" in said
    assert (result["unscored"], result["accuracy"]) == ("no labels", None)
    assert result["samples_per_second"] > 0
    shown = CliRunner().invoke(cli, ["report", str(folder), "--output", "out.html"])
    assert "no score" in shown.output
    assert "no labels" in shown.output
    page = (tmp_path / "out.html").read_text()
    assert "no score" in page
    assert "no labels" in page
    with pytest.raises(InputError, match="no labels, so accuracy cannot be scored"):
        run(classifier, tmp_path / "data", "--mode", "accuracy", "--output", "other")
    assert not (tmp_path / "other").exists()
    with pytest.raises(InputError, match="--batch-size: expected at most 3, the samples of"):
        run(classifier, tmp_path / "data", "--batch-size", "4", "--output", "other")


def test_a_data_set_of_ones_own_is_an_entry_and_its_form_is_recorded(run, classifier, tmp_path):
    names = ("rose", "tulip", "daisy", "lily")
    for name in names:
        photograph(tmp_path / "flowers" / "pictures" / f"{name}.png")
    rows = [f"{name}.png,{name}\n" for name in names]
    (tmp_path / "flowers" / "truth.csv").write_text("file,species\n" + "".join(rows))
    form = {
        "adapter": "image-label", "labels": "table", "images": "pictures",
        "columns": {"image": "file", "label": "species"},
        # The model answers 3, 1, 4, 0, 2 whatever it sees.
        "class_map": ["a", "tulip", "b", "rose", "c", "daisy", "lily"],
    }  # fmt: skip
    entry = {"task": "image-classification", "path": "flowers", "form": form}
    sets = tmp_path / "sets.yaml"
    sets.write_text(yaml.safe_dump({"schema": 1, "datasets": {"flowers": entry}}))
    more = ("--datasets", str(sets), "--mode", "accuracy")
    result, folder, _ = run(classifier, "flowers=./flowers", *more)
    accuracy = result["accuracy"]
    assert accuracy["details"] == {"good": 2, "total": 4, "top-1": 25.0}
    # Where the data set has moved, and its entry is gone, its form is known still.
    (tmp_path / "flowers").rename(tmp_path / "moved")
    sets.unlink()
    asked = ["accuracy", str(folder), "--dataset-path", str(tmp_path / "moved"), "--json"]
    again = CliRunner().invoke(cli, asked, catch_exceptions=False)
    assert json.loads(again.stdout) == accuracy


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("squad-sample", "'squad-sample' is one of question-answering"),
        ("cifar-11", "unknown data set 'cifar-11'"),
        ("cifar-10=./nowhere", "nowhere not found"),
        ("imagenet-sketch", "ImageNet-Sketch cannot be fetched"),
    ],
)
def test_a_data_set_that_cannot_be_had_is_refused(run, classifier, named, said):
    with pytest.raises(InputError, match=said):
        run(classifier, named)


@pytest.mark.parametrize("first", [0, 10])
def test_class_n_of_a_detector_is_the_nth_category_of_the_file(run, tmp_path, first):
    found = np.zeros((1, 7, 21), np.float32)
    # One box of class 1 of 3, in pixels of a square of 32.
    found[0, :4, 0] = 16, 16, 16, 16
    found[0, 5, 0] = 0.9
    constant_model(tmp_path / "m.onnx", ["N", 3, 32, 32], "output0", found)
    models = manifest(
        tmp_path, 32, "output0", [7, 21], task="object-detection", dataset="coco", classes=3,
        accuracy={"metric": "map"},
        preprocess={"geometry": "stretch", "resampler": "opencv-bilinear", "size": 32},
        postprocess={"kind": "yolo11", "output": "output0", "score_threshold": 0.001,
                     "iou_threshold": 0.7},
    )  # fmt: skip
    for number in range(2):
        photograph(tmp_path / "data" / "val2017" / f"{number}.png")
    (tmp_path / "data" / "annotations").mkdir()
    content = {
        "images": [
            {"id": number, "file_name": f"val2017/{number}.png", "width": 32, "height": 24}
            for number in range(2)
        ],
        "categories": [
            {"id": first + at, "name": name} for at, name in enumerate(("hat", "vest", "person"))
        ],
        "annotations": [
            {"id": number + 1, "image_id": number, "category_id": first + 1,
             "bbox": [8, 6, 16, 12]}
            for number in range(2)
        ],
    }  # fmt: skip
    (tmp_path / "data" / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    result, _, _ = run(models, tmp_path / "data", "--mode", "accuracy")
    assert result["accuracy"]["metric"] == "mAP"
    assert result["accuracy"]["value"] == pytest.approx(100)
