"""Quantising a small network by a framework's own tool, and what comes of it."""

import hashlib
import json
import textwrap
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

pytestmark = pytest.mark.xdist_group("quantize")

SIDE, CLASSES, CALIBRATED = 32, 10, 6


def write_network(path, quantisable=True):
    """A convolution and a linear layer; or a norm of each colour, which no tool quantises."""
    random = np.random.default_rng(2)

    def weights(name, *shape):
        return numpy_helper.from_array(random.normal(0, 0.3, shape).astype(np.float32), name)

    if quantisable:
        nodes = [
            helper.make_node("Conv", ["images", "kernel"], ["seen"], strides=[4, 4]),
            helper.make_node("Relu", ["seen"], ["kept"]),
            helper.make_node("GlobalAveragePool", ["kept"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("MatMul", ["flat", "classes"], ["scores"]),
        ]
        given = [weights("kernel", 8, 3, 4, 4), weights("classes", 8, CLASSES)]
    else:
        nodes = [helper.make_node("ReduceL2", ["images", "axes"], ["scores"], keepdims=0)]
        given = [numpy_helper.from_array(np.array([2, 3]), "axes")]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    width = CLASSES if quantisable else 3
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", width])
    graph = helper.make_graph(nodes, "small", [images], [scores], given)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A manifest with the network, trained for all that LoadScope knows."""
    folder = tmp_path_factory.mktemp("network")
    write_network(folder / "small.onnx")
    (folder / "small.yaml").write_text(
        textwrap.dedent(f"""
        schema: 1
        models:
          small:
            title: Small
            task: image-classification
            licence: Apache-2.0
            mlperf: {{submission: [resnet], loadgen: resnet50, compliance: resnet50,
                     rules: Resnet50-v1.5, division: open}}
            classes: {CLASSES}
            accuracy: {{metric: top-1, published: 75.0}}
            preprocess: {{geometry: crop-then-resize, crop_fraction: 0.875, size: {SIDE},
                         resampler: opencv-bilinear, colour: rgb,
                         mean: [127, 127, 127], std: [128, 128, 128]}}
            postprocess: {{kind: argmax, output: scores}}
            artifacts:
              onnxruntime:
                source: file:small.onnx
                format: onnx
                layout: NCHW
                inputs: {{images: {{dtype: float32, shape: [3, {SIDE}, {SIDE}]}}}}
                outputs: {{scores: {{dtype: float32, shape: [{CLASSES}]}}}}
        """)
    )
    return folder / "small.yaml"


@pytest.fixture
def quantize(loadscope, network, tiny_dataset):
    def run(*more, framework="onnxruntime", calibration=tiny_dataset, model="small", status=0):
        return loadscope(
            "quantize", model, "--framework", framework, "--models", network,
            "--calibration", calibration, "--json", *more, status=status,
        )  # fmt: skip

    return run


def test_both_models_are_scored_and_the_samples_of_calibration_are_known(
    quantize, tiny_dataset, tmp_path
):
    done = quantize("--count", CALIBRATED, "--dataset-path", tiny_dataset, "--runs", "scored")
    told = json.loads(done.stdout)
    samples = told["quantized"]["samples"]
    assert len(samples) == told["quantized"]["count"] == CALIBRATED
    # Spread over the data set, not its beginning.
    assert list(samples)[1] == "ILSVRC2012_val_00000005.JPEG"
    for name, digest in samples.items():
        content = (tiny_dataset / "val" / name).read_bytes()
        assert digest == hashlib.sha256(content).hexdigest()
    assert told["shared_samples"] == CALIBRATED
    assert f"{CALIBRATED} of the 24 scored samples were calibrated on" in done.stderr
    scores = [told["accuracy"][name] for name in ("before", "after")]
    assert [score["samples"] for score in scores] == [24, 24]
    assert abs(scores[0]["value"] - scores[1]["value"]) <= 25
    assert told["bytes"]["after"] != told["bytes"]["before"]

    records = [json.loads(path.read_text()) for path in (tmp_path / "scored").glob("*/run.json")]
    (record,) = [one for one in records if one["model"]["id"] == "small-int8-onnxruntime"]
    assert record["model"]["numerics"] == "int8"
    lineage = record["model"]["lineage"]
    assert lineage["quantized"] == told["quantized"] and lineage["file"] == "small.onnx"
    assert "calibrated on 6 samples" in lineage["steps"][-1]
    (entry,) = yaml.safe_load((tmp_path / "small-int8-onnxruntime.yaml").read_text())[
        "models"
    ].values()
    # The published figure was that of other numbers.
    assert "published" not in entry["accuracy"]
    kinds = {node.op_type for node in onnx.load(told["path"]).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds

    # What is int8 is not quantised again.
    manifest = tmp_path / "small-int8-onnxruntime.yaml"
    done = quantize("--models", manifest, model="small-int8-onnxruntime", status=2)
    assert "small-int8-onnxruntime is int8 on ONNX Runtime already\n  fix: " in done.stderr
    path = told["path"]
    done = quantize("--task", "image-classification", model=path, status=2)
    assert "is quantised already: it has QuantizeLinear nodes\n  fix: " in done.stderr


def test_a_list_names_the_samples_and_what_was_made_is_not_made_again(
    quantize, tiny_dataset, tmp_path
):
    chosen = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in (7, 3)]
    listed = tmp_path / "cal_list.txt"
    listed.write_text("".join(f"{name} 0\n" for name in chosen))
    told = json.loads(quantize("--calibration-list", listed).stdout)
    assert list(told["quantized"]["samples"]) == chosen
    assert told["quantized"]["listed"] == "cal_list.txt"
    again = quantize("--calibration-list", listed)
    assert "quantise by" not in again.stderr
    assert json.loads(again.stdout)["path"] == told["path"]
    listed.write_text("missing.JPEG\n")
    done = quantize("--calibration-list", listed, status=2)
    assert "has no image 'missing.JPEG'" in done.stderr


def test_openvino_writes_its_own_format_of_two_files(quantize):
    told = json.loads(quantize("--count", 4, framework="openvino").stdout)
    assert told["path"].endswith(".xml") and told["quantized"]["tool"] == "NNCF"
    (entry,) = yaml.safe_load(Path(told["manifest"]).read_text())["models"].values()
    assert list(entry["artifacts"]["openvino"]["files"]) == ["small-int8-openvino.bin"]


def refused(done, *words):
    lines = done.stderr.strip().splitlines()
    assert lines[-2].startswith("loadscope: ") and lines[-1].startswith("  fix: "), done.stderr
    for word in words:
        assert word in done.stderr
    assert json.loads(done.stdout)["error"]["status"] == 2


def test_what_cannot_be_quantised_is_refused_in_two_lines(
    quantize, network, tiny_dataset, tmp_path
):
    refused(
        quantize(framework="mxnet", status=2),
        "MXNet has no quantiser of its own here",
        "use one of: litert, onnxruntime, openvino, pytorch",
    )
    refused(quantize(framework="pytorch", status=2), "quantises state-dict; small has onnx")
    refused(quantize("--count", 25, status=2), "25 samples do not fit", "choose 1 to 24")
    (tmp_path / "empty").mkdir()
    refused(quantize(calibration=tmp_path / "empty", status=2), "empty")
    plain = write_network(tmp_path / "plain.onnx", quantisable=False)
    refused(
        quantize(calibration=tiny_dataset / "val", model=plain, status=2),
        "no operator that can be quantised; it has ReduceL2",
    )
