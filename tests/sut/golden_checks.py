"""Golden files, each fault really caused; ``test_frameworks.py`` runs this in its own process."""

import json
import textwrap

import cv2
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from loadscope.errors import InputError
from loadscope.suite.cli.main import cli

SAMPLES = 4


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """Photographs of noise, and a place for models."""
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    (folder / "val").mkdir(parents=True)
    random = np.random.default_rng(1)
    lines = []
    for number in range(SAMPLES):
        name = f"ILSVRC2012_val_{number + 1:08d}.JPEG"
        small = random.integers(0, 255, (4, 4, 3), np.uint8)
        cv2.imwrite(str(folder / "val" / name), cv2.resize(small, (48, 48)))
        lines.append(f"{name} {number}\n")
    (folder / "val_map.txt").write_text("".join(lines))
    return tmp_path


def weights(seed=0):
    random = np.random.default_rng(seed)
    return {
        "kernel": random.normal(0, 0.2, (8, 3, 3, 3)).astype(np.float32),
        "matrix": random.normal(0, 0.2, (8, 10)).astype(np.float32),
    }


def write_model(path, arrays, operator="Relu"):
    """Convolution, activation, mean and product."""
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["convolved"], pads=[1, 1, 1, 1]),
        helper.make_node(operator, ["convolved"], ["activated"]),
        helper.make_node("GlobalAveragePool", ["activated"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 32, 32])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), str(path))


def write_manifest(folder, colour="rgb"):
    path = folder / f"{colour}.yaml"
    path.write_text(
        textwrap.dedent(f"""
        schema: 1
        models:
          small:
            title: Small
            task: image-classification
            licence: Apache-2.0
            mlperf: {{submission: [resnet], loadgen: resnet50, compliance: resnet50,
                     rules: Resnet50-v1.5, division: open}}
            dataset: imagenet
            classes: 10
            accuracy: {{metric: top-1}}
            preprocess: {{geometry: crop-then-resize, crop_fraction: 0.875, size: 32,
                         resampler: opencv-bilinear, colour: {colour},
                         mean: [127, 127, 127], std: [128, 128, 128]}}
            postprocess: {{kind: argmax, output: scores}}
            artifacts:
              onnxruntime:
                source: file:small.onnx
                format: onnx
                layout: NCHW
                inputs: {{image: {{dtype: float32, shape: [3, 32, 32]}}}}
                outputs: {{scores: {{dtype: float32, shape: [10]}}}}
        """)
    )
    return path


def options(manifest):
    named = ["--model", "small", "--framework", "onnxruntime"]
    return [*named, "--dataset-path", "data", "--models", str(manifest)]


def call(*arguments, status=0):
    done = CliRunner().invoke(cli, list(map(str, arguments)))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, (done.output, done.exception)
    return done.stdout


@pytest.fixture
def golden(workplace):
    write_model(workplace / "small.onnx", weights())
    path = workplace / "golden.npz"
    said = call("golden", *options(write_manifest(workplace)), "--count", 4, "--output", path)
    assert "4 samples, 5 layers, 2 weights" in said
    return path


def validate(golden, *extra, colour="rgb", status=1):
    manifest = write_manifest(golden.parent, colour)
    return json.loads(
        call("validate", *options(manifest), "--golden", golden, "--json", *extra, status=status)
    )


def test_the_same_host_passes_without_a_difference(golden):
    found = validate(golden, status=0)
    assert found["passed"] and found["samples"] == SAMPLES and found["cause"] is None
    assert found["max_abs_diff"] == found["max_rel_diff"] == found["metric_delta"] == 0
    assert found["top1_agreement"] == 1 and found["first_divergent_layer"] is None


def test_a_golden_file_is_told_as_json(golden):
    arguments = [*options(golden.parent / "rgb.yaml"), "--count", 4, "--output", golden]
    told = json.loads(call("golden", *arguments, "--json"))
    assert (told["golden"], told["samples"]) == (str(golden.resolve()), SAMPLES)
    assert (told["layers"], told["weights"], told["framework"]) == (5, 2, "onnxruntime")
    assert told["accuracy"].keys() == {"metric", "unit", "value", "samples", "meaningful"}
    assert told["accuracy"]["meaningful"] and told["accuracy"]["metric"] == "top-1"


def swap_photographs(folder):
    """Give the first photograph the second's place, and the other way round."""
    first, second = sorted((folder / "data" / "val").iterdir())[:2]
    contents = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(contents)


def test_other_photographs_are_no_fault_of_the_host(golden):
    swap_photographs(golden.parent)
    with pytest.raises(InputError, match="sample 0 is not the golden file's"):
        validate(golden)
    again = golden.parent / "again"
    asked = ["--scenario", "SingleStream", "--mode", "accuracy", "--target-latency", "10ms"]
    call("run", *options(golden.parent / "rgb.yaml"), *asked, "--output", again, "--json")
    with pytest.raises(InputError, match="other samples than the golden file"):
        call("validate", again, "--golden", golden)


def test_other_labels_leave_the_answers_comparable(golden):
    names = (golden.parent / "data" / "val_map.txt").read_text().split()[::2]
    text = "".join(f"{name} 9\n" for name in names)
    (golden.parent / "data" / "val_map.txt").write_text(text)
    found = validate(golden, status=0)
    assert found["passed"] and found["metric_delta"] is None


def test_other_weights_are_told_by_name(golden):
    write_model(golden.parent / "small.onnx", {**weights(), "matrix": weights(5)["matrix"]})
    found = validate(golden)
    assert found["cause"] == "weights" and "'matrix'" in found["cause_detail"]
    assert found["first_divergent_layer"] == "scores"


def test_reversed_weights_are_a_byte_order_fault(golden):
    arrays = weights()
    write_model(golden.parent / "small.onnx", {**arrays, "kernel": arrays["kernel"].byteswap()})
    found = validate(golden)
    assert found["cause"] == "byte-order" and "'kernel'" in found["cause_detail"]
    assert found["first_divergent_layer"] == "convolved"


def test_other_preprocessing_is_told_by_the_input(golden):
    found = validate(golden, colour="bgr")
    assert found["cause"] == "preprocessing" and "'image'" in found["cause_detail"]


def rounded(array, bits):
    """Float32 with so many bits of its fraction kept, ties away from zero."""
    drop = 23 - bits
    words = array.view(np.uint32) + np.uint32(1 << (drop - 1))
    return (words & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)).view(np.float32)


@pytest.mark.parametrize(("dtype", "bits"), [("bfloat16", 7), ("dlfloat16", 9)])
def test_narrow_weights_are_reduced_precision_and_pass_as_their_type(golden, dtype, bits):
    arrays = {name: rounded(value, bits) for name, value in weights().items()}
    write_model(golden.parent / "small.onnx", arrays)
    assert validate(golden)["cause"] == "reduced-precision"
    assert validate(golden, "--dtype", dtype, status=0)["passed"]


def test_weights_of_int8_are_reduced_precision_and_pass_as_such(golden):
    arrays = {}
    for name, value in weights().items():
        step = np.abs(value).max() / 127
        arrays[name] = (np.rint(value / step) * step).astype(np.float32)
    write_model(golden.parent / "small.onnx", arrays)
    assert validate(golden)["cause"] == "reduced-precision"
    assert validate(golden, "--dtype", "int8", status=0)["passed"]


def test_an_operator_that_computes_otherwise_is_named(golden):
    write_model(golden.parent / "small.onnx", weights(), operator="Neg")
    found = validate(golden)
    assert found["cause"] == "computation" and found["first_divergent_layer"] == "activated"


def test_thresholds_can_be_set(golden):
    arrays = {name: rounded(value, 7) for name, value in weights().items()}
    write_model(golden.parent / "small.onnx", arrays)
    assert validate(golden, "--max-rel-diff", 0.5, status=0)["passed"]
    assert not validate(golden, "--max-rel-diff", 1e-9)["passed"]


@pytest.fixture
def run(golden):
    folder = golden.parent / "run"
    asked = ["--scenario", "SingleStream", "--mode", "accuracy", "--target-latency", "10ms"]
    call("run", *options(golden.parent / "rgb.yaml"), *asked, "--output", folder, "--json")
    return folder


def test_a_run_is_held_against_it_and_a_big_endian_log_is_told(golden, run):
    found = json.loads(call("validate", run, "--golden", golden, "--json"))
    assert found["passed"] and found["top1_agreement"] == 1 and found["metric_delta"] == 0
    log = run / "accuracy" / "mlperf_log_accuracy.json"
    entries = json.loads(log.read_text())
    for entry in entries:
        entry["data"] = (
            np.frombuffer(bytes.fromhex(entry["data"]), "<u4").byteswap().tobytes().hex()
        )
    log.write_text("[\n" + ",\n".join(map(json.dumps, entries)) + "\n]\n")
    found = json.loads(call("validate", run, "--golden", golden, "--json", status=1))
    assert found["cause"] == "byte-order" and found["first_divergent_layer"] is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--golden", "golden.npz"], "run directory or --model"),
        (["--golden", "data/val_map.txt", "--model", "small"], "no golden file"),
        (["--golden", "nothing.npz", "--model", "small"], "cannot read nothing.npz"),
        (["--golden", "golden.npz", "--model", "small", "--dtype", "fp4"], "data type 'fp4'"),
        (["data", "--golden", "golden.npz"], "not a run directory"),
    ],
)
def test_wrong_usage_is_refused_by_name(golden, arguments, named):
    with pytest.raises(InputError, match=named):
        call("validate", *arguments)
