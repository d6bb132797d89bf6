"""Enlarging under LoadGen, from a model's file alone to what is recorded."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIDE, SCALE = 16, 2


def test_photographs_are_enlarged_and_scored_from_the_log(tmp_path, monkeypatch, loadscope):
    monkeypatch.chdir(tmp_path)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest",
                          coordinate_transformation_mode="asymmetric", nearest_mode="floor")],
        "nearest",
        [value("x", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [value("y", TensorProto.FLOAT, ["N", 3, SCALE * SIDE, SCALE * SIDE])],
        [numpy_helper.from_array(np.array([1, 1, SCALE, SCALE], np.float32), "scales")],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), "nearest.onnx")
    (tmp_path / "photographs").mkdir()
    expected = []
    for seed in range(3):
        small = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
        picture = Image.fromarray(small).resize((40, 36), Image.Resampling.BICUBIC)
        picture.save(tmp_path / "photographs" / f"{seed}.png")
        middle = np.asarray(picture.crop((4, 2, 36, 34)))
        low = Image.fromarray(middle).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        nearest = np.asarray(low.resize((32, 32), Image.Resampling.NEAREST))
        weights = np.array([65.481, 128.553, 24.966]) / 255
        error = ((middle.astype(float) - nearest) @ weights)[SCALE:-SCALE, SCALE:-SCALE]
        expected.append(10 * np.log10(255**2 / np.mean(error**2)))
    done = loadscope(
        "run", "--model", "nearest.onnx", "--dataset-path", "photographs", "--mode", "performance",
        "--mode", "accuracy", "--scenario", "Offline", "--min-duration", "100ms", "--output",
        "out", "--json",
    )  # fmt: skip
    assert "image-enhancement" in done.stderr
    ran = json.loads(done.stdout)
    score = ran["accuracy"]
    assert ran["samples_per_second"] > 0
    assert (score["metric"], score["unit"]) == ("PSNR-Y", "dB")
    assert score["value"] == pytest.approx(np.mean(expected))
    # Nearest pixels are worse than the filter, which is said wherever the score is.
    assert score["remark"].startswith("NO BETTER than bicubic")
    shown = loadscope("report", "out").stdout
    assert {"NO", "BETTER", "bicubic:", "33.44", "dB"} <= set(shown.split())
    assert "33.44 %" not in shown
    assert json.loads(loadscope("accuracy", "out", "--json").stdout) == score
