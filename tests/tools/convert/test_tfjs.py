"""A graph model of TensorFlow.js, written here, against the numbers that it stands for."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.tools.convert.tfjs_onnx import convert

RANDOM = np.random.default_rng(7)
KERNEL = RANDOM.normal(size=(3, 3, 2, 4)).astype("<f2")
BIAS = RANDOM.normal(size=(1, 4, 1, 1)).astype("<f4")


def text(word: str) -> dict[str, str]:
    return {"s": base64.b64encode(word.encode()).decode()}


def node(name: str, op: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "input": list(inputs), "attr": attributes}


def write(folder: Path, **changes: Any) -> Path:
    """As a converter from ONNX leaves it: channels first, turned over around a convolution."""
    strides = {"list": {"i": ["1", "2", "2", "1"]}}
    nodes = [
        node("x", "Placeholder", shape={"shape": {"dim": [{"size": n} for n in "1266"]}}),
        node("pad", "Pad", "x", "amounts"),
        node("in", "Transpose", "pad", "to_last"),
        node("conv", "Conv2D", "in", "kernel", data_format=text("NHWC"), strides=strides,
             padding=text("VALID"), dilations={"list": {"i": ["1", "1", "1", "1"]}}),
        node("out", "Transpose", "conv", "to_first"),
        node("sum", "AddV2", "out", "bias"),
        node("leaky", "LeakyRelu", "sum", alpha={"f": 0.1}),
        node("parts", "SplitV", "leaky", "sizes", "axis"),
        node("joined", "ConcatV2", "parts:1", "parts", "axis"),
        node("shape", "Add", "shape_a", "shape_b"),
        node("flat", "Reshape", "joined", "shape"),
        node("Identity", "Identity", "flat"),
        *(node(name, "Const") for name in WEIGHTS),
    ]  # fmt: skip
    for each in nodes:
        each["op"] = changes.get(each["name"], each["op"])
    manifest, content = [], b""
    for name, value in WEIGHTS.items():
        kind = "float32" if value.dtype.kind == "f" else "int32"
        entry: dict[str, Any] = {"name": name, "shape": list(value.shape), "dtype": kind}
        if value.dtype == np.float16:
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
        manifest.append(entry)
        content += value.tobytes()
    (folder / "w.bin").write_bytes(content)
    path = folder / "model.json"
    signature = {"outputs": {"Identity:0": {"name": "Identity:0"}}}
    path.write_text(
        json.dumps(
            {
                "modelTopology": {"node": nodes},
                "weightsManifest": [{"paths": ["w.bin"], "weights": manifest}],
                "signature": signature,
            }
        )
    )
    return path


WEIGHTS = {
    "amounts": np.array([[0, 0], [0, 0], [1, 1], [1, 1]], "<i4"),
    "to_last": np.array([0, 2, 3, 1], "<i4"),
    "to_first": np.array([0, 3, 1, 2], "<i4"),
    "kernel": KERNEL,
    "bias": BIAS,
    "sizes": np.array([1, 3], "<i4"),
    "axis": np.array(1, "<i4"),
    "shape_a": np.array([1, 36, 0], "<i4"),
    "shape_b": np.array([0, 0, -1], "<i4"),
}


def by_hand(x: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    found = np.empty((len(x), 4, 3, 3), np.float32)
    kernel = KERNEL.astype(np.float32)
    for row in range(3):
        for column in range(3):
            window = padded[:, :, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            found[:, :, row, column] = np.einsum("bcij,ijco->bo", window, kernel)
    found += BIAS
    found = np.where(found > 0, found, 0.1 * found)
    joined: NDArray[np.float32] = np.concatenate([found[:, 1:], found[:, :1]], axis=1)
    return joined.reshape(len(x), 36, 1)


def test_the_graph_answers_as_it_was_written_and_for_any_batch(tmp_path: Path) -> None:
    output = tmp_path / "model.onnx"
    convert(write(tmp_path), output)
    session = onnxruntime.InferenceSession(str(output), providers=["CPUExecutionProvider"])
    x = RANDOM.normal(size=(3, 2, 6, 6)).astype(np.float32)
    (found,) = session.run(["Identity"], {"x": x})
    np.testing.assert_allclose(found, by_hand(x), rtol=1e-4, atol=1e-5)
    # The padding is the convolution's own, and what was turned over twice is not turned.
    ops = [each.op_type for each in onnx.load(str(output)).graph.node]
    assert ops == ["Conv", "Add", "LeakyRelu", "Slice", "Slice", "Concat", "Reshape"]


def test_a_model_that_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Einsum 'leaky' is no operator known here"):
        convert(write(tmp_path, leaky="Einsum"), tmp_path / "m.onnx")
    path = write(tmp_path)
    (tmp_path / "w.bin").write_bytes(b"1234")
    with pytest.raises(InputError, match=r"w\.bin is cut short"):
        convert(path, tmp_path / "m.onnx")
    (tmp_path / "w.bin").unlink()
    with pytest.raises(InputError, match=r"cannot read .*w\.bin"):
        convert(path, tmp_path / "m.onnx")
    path.write_text("{}")
    with pytest.raises(InputError, match="no graph model"):
        convert(path, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def layer(name: str, kind: str, *inputs: str, **config: Any) -> dict[str, Any]:
    bound = [[[one, 0, 0, {}] for one in inputs]] if inputs else []
    return {"name": name, "class_name": kind, "config": config, "inbound_nodes": bound}


def write_layers(folder: Path, **changes: Any) -> Path:
    """A network that is a layers model: a convolution, joined with itself and enlarged."""
    conv = {
        "kernel_size": [3, 3], "strides": [1, 1], "dilation_rate": [1, 1], "padding": "same",
        "activation": "linear", "use_bias": True, "groups": 1,
    }  # fmt: skip
    layers = [
        layer("x", "InputLayer", batch_input_shape=[None, None, None, 2]),
        layer("conv", "Conv2D", "x", **{**conv, **changes}),
        layer("relu", "Activation", "conv", activation="relu"),
        layer("sum", "Add", "conv", "relu"),
        layer("joined", "Concatenate", "sum", "relu", axis=3),
        layer("y", "UpSampling2D", "joined", size=[2, 3], interpolation="nearest"),
    ]
    bias = BIAS.reshape(4)
    (folder / "w.bin").write_bytes(KERNEL.astype("<f4").tobytes() + bias.tobytes())
    weights = [
        {"name": f"conv/{part}", "shape": list(value.shape), "dtype": "float32"}
        for part, value in (("kernel", KERNEL), ("bias", bias))
    ]
    config = {"layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["y", 0, 0]]}
    path = folder / "model.json"
    whole = {
        "format": "layers-model",
        "modelTopology": {"model_config": {"config": config}},
        "weightsManifest": [{"paths": ["w.bin"], "weights": weights}],
    }
    path.write_text(json.dumps(whole))
    return path


def test_a_layers_model_answers_as_it_was_written_and_for_any_size(tmp_path: Path) -> None:
    output = tmp_path / "model.onnx"
    convert(write_layers(tmp_path), output)
    session = onnxruntime.InferenceSession(str(output), providers=["CPUExecutionProvider"])
    kernel, bias = KERNEL.astype(np.float32), BIAS.reshape(4)
    for height, width in ((5, 4), (3, 7)):
        x = RANDOM.normal(size=(2, 2, height, width)).astype(np.float32)
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        conv = np.empty((2, 4, height, width), np.float32)
        for row, column in np.ndindex(height, width):
            window = padded[:, :, row : row + 3, column : column + 3]
            conv[:, :, row, column] = np.einsum("bcij,ijco->bo", window, kernel) + bias
        relu = conv.clip(0)
        expected = np.concatenate([conv + relu, relu], axis=1).repeat(2, axis=2).repeat(3, axis=3)
        (found,) = session.run(["y"], {"x": x})
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strides": [2, 2]}, "Conv2D 'conv' has strides"),
        ({"groups": 2}, "Conv2D 'conv' has groups"),
        ({"activation": "elu"}, "the activation elu"),
    ],
)
def test_a_layer_of_another_form_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        convert(write_layers(tmp_path, **change), tmp_path / "m.onnx")
