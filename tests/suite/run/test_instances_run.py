"""Instances under LoadGen: masks by hand, and small networks alike on two frameworks."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import yaml
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from pycocotools import mask as coco_mask

from loadscope.datasets.catalog import catalog_entry
from loadscope.datasets.instance_segmentation.found import unpacked
from loadscope.datasets.recommendation.answered import answered
from loadscope.rundir.accuracy_log import read_accuracy_log

SIDE = 64
LOG = "mlperf_log_accuracy.json"
COLOURS = np.array([[90, 90, 90], [200, 50, 40], [50, 180, 60], [50, 70, 200]], np.float32)
KINDS = len(COLOURS) - 1
Mask = NDArray[np.bool_]


def write_model(path: Path) -> None:
    """A query a colour: its pixels are those that no other colour is nearer to."""
    arrays = {
        "weights": 2 * COLOURS[:, :, None, None],
        "bias": -(COLOURS**2).sum(axis=1),
        "half": np.array(0.5, np.float32),
        "from": np.array([1]),
        "to": np.array([1 + KINDS]),
        "axis": np.array([1]),
        "kinds": np.concatenate([8 * np.eye(KINDS), np.zeros((KINDS, 1))], 1)[None],
        "none": np.array(0, np.float32),
    }
    node, value, float32 = helper.make_node, helper.make_tensor_value_info, TensorProto.FLOAT
    graph = helper.make_graph(
        [
            node("Conv", ["x", "weights", "bias"], ["near"]),
            node("ReduceMax", ["near"], ["nearest"], axes=[1]),
            node("Sub", ["near", "nearest"], ["behind"]),
            node("Add", ["behind", "half"], ["inside"]),
            node("Slice", ["inside", "from", "to", "axis"], ["masks"]),
            # The same for each picture, in as many rows as there are pictures.
            node("ReduceMean", ["masks"], ["rows"], axes=[2, 3], keepdims=0),
            node("Unsqueeze", ["rows", "two"], ["columns"]),
            node("Mul", ["columns", "none"], ["zeros"]),
            node("Add", ["zeros", "kinds"], ["classes"]),
        ],
        "queries",
        [value("x", float32, ["N", 3, SIDE, SIDE])],
        [
            value("classes", float32, ["N", KINDS, KINDS + 1]),
            value("masks", float32, ["N", KINDS, SIDE, SIDE]),
        ],
        [
            numpy_helper.from_array(
                array.astype(np.int64 if array.dtype.kind == "i" else np.float32), name
            )
            for name, array in {**arrays, "two": np.array([2])}.items()
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def entry(file: Path) -> dict[str, Any]:
    number = {"dtype": "float32"}
    return {
        "title": "A query a colour",
        "task": "instance-segmentation",
        "licence": "CC0-1.0",
        "classes": KINDS,
        "preprocess": {
            "geometry": "squash", "resampler": "opencv-bilinear", "size": SIDE,
            "short_side": SIDE, "mean": [0, 0, 0], "std": [1, 1, 1],
        },
        "postprocess": {"classes": "classes", "masks": "masks"},
        "artifacts": {
            "onnxruntime": {
                "source": f"file:{file}",
                "format": "onnx",
                "layout": "NCHW",
                "inputs": {"x": {**number, "shape": [3, SIDE, SIDE]}},
                "outputs": {
                    "classes": {**number, "shape": [KINDS, KINDS + 1]},
                    "masks": {**number, "shape": [KINDS, SIDE, SIDE]},
                },
            }
        },
    }  # fmt: skip


def nearest(picture: Path) -> NDArray[np.intp]:
    """The nearest colour of each pixel, by the squashed picture."""
    image = cv2.imread(str(picture))[:, :, ::-1]
    small = cv2.resize(image, (SIDE, SIDE)).astype(np.float32)
    kinds = ((small[:, :, None] - COLOURS) ** 2).sum(axis=3).argmin(axis=2)
    rows, columns = (((np.arange(n) + 0.5) / n * SIDE).astype(int) for n in image.shape[:2])
    found: NDArray[np.intp] = kinds[rows][:, columns]
    return found


def overlaps(folder: Path) -> dict[int, tuple[list[float], int]]:
    """By kind: the overlap of each answer with the object of its kind, and how many objects."""
    told = json.loads((folder / "annotations" / "instances_val2017.json").read_text())
    by_kind: dict[int, tuple[list[float], int]] = {}
    for kind in range(1, KINDS + 1):
        ious, objects = [], 0
        for image in told["images"]:
            size = image["height"], image["width"]
            truth = np.zeros(size, np.bool_)
            for one in told["annotations"]:
                if (one["image_id"], one["category_id"]) == (image["id"], kind):
                    shape = coco_mask.frPyObjects(one["segmentation"], *size)
                    runs = coco_mask.merge(shape) if isinstance(shape, list) else shape
                    truth = coco_mask.decode(runs).astype(np.bool_)
            found = nearest(folder / "val2017" / image["file_name"]) == kind
            objects += bool(truth.any())
            if found.any():
                ious.append(float((truth & found).sum() / (truth | found).sum()))
        by_kind[kind] = ious, objects
    return by_kind


def average_precision(right: list[bool], objects: int) -> float:
    """The mean of the best precision at 101 recalls (COCO), of answers as sure as each other."""
    places = range(1, len(right) + 1)
    points = [(sum(right[:at]) / objects, sum(right[:at]) / at) for at in places]
    recalls = np.linspace(0, 1, 101)
    return float(np.mean([max((p for r, p in points if r >= one), default=0) for one in recalls]))


def test_drawings_are_answered_with_masks_and_scored_from_the_log(tmp_path, loadscope):
    write_model(tmp_path / "queries.onnx")
    models = {"schema": 1, "models": {"queries": entry(tmp_path / "queries.onnx")}}
    (tmp_path / "models.yaml").write_text(yaml.safe_dump(models))
    done = loadscope(
        "run", "--models", "models.yaml", "--model", "queries", "--framework", "onnxruntime",
        "--dataset-path", "instances-generated", "--mode", "performance", "--mode", "accuracy",
        "--scenario", "Offline", "--min-duration", "100ms", "--output", "out", "--json",
    )  # fmt: skip
    ran = json.loads(done.stdout)
    assert ran["samples_per_second"] > 0
    folder = catalog_entry("instances-generated").shipped()
    assert folder is not None
    found = overlaps(folder)
    bounds = np.linspace(0.5, 0.95, 10)
    precise = [
        average_precision([iou >= bound for iou in ious], objects)
        for ious, objects in found.values()
        for bound in bounds
    ]
    score = ran["accuracy"]
    assert score["metric"] == "mask mAP" and 40 < score["value"] < 100
    assert score["value"] == pytest.approx(100 * np.mean(precise))
    assert score["details"]["instances"] == sum(len(ious) for ious, _ in found.values())
    assert json.loads(loadscope("accuracy", "out", "--json").stdout) == score


def logged(loadscope: Any, folder: Path, model: str, dataset: str, count: int) -> Any:
    """The answers of a small network on two frameworks, sample by sample."""
    for framework in ("onnxruntime", "pytorch"):
        loadscope(
            "run", "--model", model, "--framework", framework, "--scenario", "Offline", "--mode",
            "accuracy", "--dataset-path", dataset, "--count", count, "--threads", 1, "--workers",
            1, "--batch-size", 1, "--output", framework,
        )  # fmt: skip
    logs = [
        {one.index: one.payload for one in read_accuracy_log(folder / each / "accuracy" / LOG)}
        for each in ("onnxruntime", "pytorch")
    ]
    assert len(logs[0]) == len(logs[1]) == count
    return [(logs[0][index], logs[1][index]) for index in range(count)]


def test_a_network_of_masks_answers_alike_on_two_frameworks(
    tmp_path, loadscope, environment, kept_cache
):
    environment["LOADSCOPE_CACHE"] = str(kept_cache)
    pairs = logged(loadscope, tmp_path, "mask-queries-seeded", "instances-generated", 6)
    seen = 0
    for one, other in pairs:
        wanted, found = unpacked(one), unpacked(other)
        assert wanted and found and len(wanted) == len(found)
        for each in wanted:
            # Two instances of nearly one score may change places.
            differ = [
                np.count_nonzero(like.mask != each.mask)
                for like in found
                if like.kind == each.kind and abs(like.score - each.score) < 1e-4
            ]
            assert min(differ) <= 1
            seen += 1
    assert seen > 50


def test_a_network_of_clicks_answers_alike_on_two_frameworks(
    tmp_path, loadscope, environment, kept_cache
):
    environment["LOADSCOPE_CACHE"] = str(kept_cache)
    pairs = logged(loadscope, tmp_path, "dlrm-small", "clicks-generated", 64)
    clicks = [[answered(one) for one in pair] for pair in pairs]
    wanted, found = (
        np.concatenate([one.predictions for one in each if one is not None])
        for each in zip(*clicks, strict=True)
    )
    assert len(found) == len(wanted) == 64
    assert np.ptp(wanted) > 0.3
    np.testing.assert_allclose(found, wanted, atol=1e-5)
