"""Segmentation under LoadGen, from a model's file alone to what is recorded."""

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from loadscope.datasets.catalog import catalog_entry

SIDE = 64
COLOURS = np.array([[90, 90, 90], [200, 50, 40], [50, 180, 60], [50, 70, 200]], np.float32)


def write_model(path: Path) -> None:
    """The nearest of four colours for each pixel: a convolution of one pixel."""
    arrays = {
        "weights": 2 * COLOURS[:, :, None, None],
        "bias": -(COLOURS**2).sum(axis=1),
    }
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "weights", "bias"], ["scores"])],
        "colours",
        [value("x", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [value("scores", TensorProto.FLOAT, ["N", len(COLOURS), SIDE, SIDE])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def expected(folder: Path) -> tuple[float, float]:
    """mIoU and pixel accuracy, in percent, counted as sets of pixels."""
    truth: list[set[tuple[int, int, int]]] = [set() for _ in COLOURS]
    found: list[set[tuple[int, int, int]]] = [set() for _ in COLOURS]
    for number in range(8):
        image = cv2.imread(str(folder / "images" / f"{number}.png"))[:, :, ::-1]
        mask = cv2.imread(str(folder / "masks" / f"{number}.png"), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        small = cv2.resize(image, (SIDE, SIDE)).astype(np.float32)
        classes = ((small[:, :, None] - COLOURS) ** 2).sum(axis=3).argmin(axis=2)
        height, width = mask.shape
        for y in range(height):
            for x in range(width):
                if mask[y, x] != 255:
                    place = int((y + 0.5) / height * SIDE), int((x + 0.5) / width * SIDE)
                    truth[mask[y, x]].add((number, y, x))
                    found[classes[place]].add((number, y, x))
    pairs = list(zip(truth, found, strict=True))
    ious = [len(a & b) / len(a | b) for a, b in pairs]
    right, total = sum(len(a & b) for a, b in pairs), sum(map(len, truth))
    return 100 * sum(ious) / len(ious), 100 * right / total


@pytest.fixture
def here(tmp_path, monkeypatch):
    write_model(tmp_path / "colours.onnx")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_drawings_are_segmented_and_scored_from_the_log(here, loadscope):
    folder = catalog_entry("shapes-generated").shipped()
    assert folder is not None
    done = loadscope(
        "run", "--model", "colours.onnx", "--preprocess", "raw", "--dataset-path",
        "shapes-generated", "--mode", "performance", "--mode", "accuracy", "--scenario", "Offline",
        "--min-duration", "100ms", "--output", "out", "--json",
    )  # fmt: skip
    assert "semantic-segmentation of 4 classes" in done.stderr
    ran = json.loads(done.stdout)
    assert ran["samples_per_second"] > 0
    score = ran["accuracy"]
    miou, accuracy = expected(folder)
    assert score["metric"] == "mIoU" and 80 < miou < 100
    assert score["value"] == pytest.approx(miou)
    assert score["details"]["pixel_accuracy"] == pytest.approx(accuracy)
    again = json.loads(loadscope("accuracy", "out", "--json").stdout)
    assert again == score
