"""``loadscope trace`` on onnx-mlir, with real LoadGen and the stand-in compiler and runtime."""

import json
import os
from pathlib import Path

import numpy as np
import yaml

from loadscope.suite.worker.tracing.events import read_events

from ...sut.standin.model import write_model

STANDIN = Path(__file__).resolve().parents[2] / "sut/standin"


def test_a_trace_tells_layers_with_their_device(
    loadscope, tiny_dataset, manifest, environment, tmp_path
):
    environment["PYTHONPATH"] = str(STANDIN)
    environment["PATH"] = f"{STANDIN}{os.pathsep}{os.environ['PATH']}"
    entry = yaml.safe_load(manifest().read_text())
    entry["models"]["tiny"]["artifacts"] = {
        "onnxmlir": {
            "source": "file:tiny.onnx",
            "format": "onnx",
            "layout": "NCHW",
            "inputs": {"image": {"dtype": "float32", "shape": [3, 32, 32]}},
            "outputs": {"scores": {"dtype": "float32", "shape": [10]}},
            "options": {"accelerator": "NNPA", "march": "z16"},
        }
    }
    (tmp_path / "models.yaml").write_text(yaml.safe_dump(entry))
    library = {
        "inputs": [{"type": "f32", "dims": [-1, 3, 32, 32], "name": "image"}],
        "outputs": [{"type": "f32", "dims": [-1, 10], "name": "scores"}],
        "matrix": np.ones((3 * 32 * 32, 10)).tolist(),
    }
    write_model(tmp_path / "tiny.onnx", library)
    done = loadscope(
        "trace", "--models", "models.yaml", "--model", "tiny", "--framework", "onnxmlir",
        "--scenario", "Offline", "--batch-size", "2", "--workers", "2", "--batches", "3",
        "--dataset-path", tiny_dataset, "--output", "out", "--json",
    )  # fmt: skip
    summary = json.loads(done.stdout)
    assert [layer["type"] for layer in summary["layers"]] == ["Stick", "MatMul", "ArgMax"]
    assert summary["outside"] == 0
    assert summary["layers"][1]["output_shapes"] == [[2, 10]]
    assert summary["layers"][1]["flops"] == 2 * 3072 * 20
    assert summary["overhead"].keys() == {"application", "model", "framework", "layer"}
    _, events = read_events(tmp_path / "out/trace/events.jsonl")
    layers = [event for event in events if event.kind == "layer"]
    assert len(layers) == 9
    assert [layer.attributes["device"] for layer in layers[:3]] == ["layout", "NNPA", "CPU"]
    assert "MatMul" in loadscope("report", "out", "--trace").stdout
