"""``loadscope run`` of a trained detector, from a file at hand to a scored accuracy log."""

import json

import pytest

FURTHER = [
    ("onnxruntime", "SingleStream"),
    ("onnxruntime", "MultiStream"),
    ("pytorch", "MultiStream"),
    ("tensorflow", "Server"),
    ("mxnet", "SingleStream"),
]
CELLS = [
    ("onnxruntime", "Offline"),
    ("onnxruntime", "Server"),
    *(pytest.param(*cell, marks=pytest.mark.long) for cell in FURTHER),
]


@pytest.mark.real_data
@pytest.mark.parametrize(("framework", "scenario"), CELLS)
def test_yolox_nano_scores_the_same_in_every_scenario_and_framework(
    loadscope, environment, real_data, tmp_path, kept_cache, framework, scenario
):
    environment["LOADSCOPE_CACHE"] = str(kept_cache)
    file = real_data / "models" / "yolox_nano.onnx"
    loadscope("fetch", "yolox-nano", "--framework", "onnxruntime", "--from", file)
    queued = scenario in ("Offline", "Server")
    told = ("--target-qps", "20") if queued else ("--expected-latency", "50ms")
    done = loadscope(
        "run", "--model", "yolox-nano", "--framework", framework, "--scenario", scenario,
        "--mode", "accuracy", "--dataset-path", real_data / "coco", "--output", "run", "--json",
        *told,
    )  # fmt: skip
    line = (tmp_path / "run" / "accuracy" / "accuracy.txt").read_text()
    assert line.startswith("mAP=")
    accuracy = json.loads(done.stdout)["accuracy"]
    assert (accuracy["metric"], accuracy["samples"]) == ("mAP", 40)
    # Seen: 28.72 in each.
    assert accuracy["value"] == pytest.approx(28.7, abs=0.3)
