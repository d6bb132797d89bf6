"""From a layers model of TensorFlow.js, which is a Keras network as JSON, to ONNX.

Images come in with channels first and free sizes. The form is that of ``tensorflowjs_converter``
(``--output_format tfjs_layers_model``).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from loadscope.errors import InputError

_OPSET, _IR = 18, 8
_FREE = ("batch", "height", "width")

Layer = dict[str, Any]


class LayersModel:
    """A network while it is written.

    Args:
        path: Of ``model.json``, for messages.
        config: The network's configuration.
        weights: Arrays by name.
    """

    def __init__(self, path: Path, config: Layer, weights: dict[str, NDArray[Any]]) -> None:
        self._path, self._config, self._weights = path, config, weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def model(self, name: str) -> Any:
        """The network as ONNX.

        Raises:
            InputError: It has a layer, or a form of one, that is not known here.
        """
        given = {layer["name"]: layer for layer in self._config["layers"]}
        ins = [name for name, layer in given.items() if layer["class_name"] == "InputLayer"]
        outs = [one[0] for one in self._config["output_layers"]]
        for layer in self._config["layers"]:
            kind = layer["class_name"]
            if kind == "InputLayer":
                continue
            if kind not in _LAYERS:
                raise self.refuse(layer, f"is no layer known here: {', '.join(_LAYERS)}")
            _LAYERS[kind](self, layer)
        graph = helper.make_graph(
            self._nodes,
            name,
            [self._value(one, given[one]["config"]["batch_input_shape"][-1]) for one in ins],
            [self._value(one, None) for one in outs],
            self._constants,
        )
        opset = [helper.make_opsetid("", _OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=_IR)

    def refuse(self, layer: Layer, why: str) -> InputError:
        """The error of a layer that is not converted."""
        return InputError(
            f"{self._path}: {layer['class_name']} '{layer['name']}' {why}",
            "give another export of the model",
        )

    def inputs(self, layer: Layer) -> list[str]:
        """The tensors that a layer takes."""
        return [one[0] for one in layer["inbound_nodes"][0]]

    def weight(self, layer: Layer, part: str) -> NDArray[np.float32]:
        """A layer's weights.

        Raises:
            InputError: They are not in the file.
        """
        name = f"{layer['name']}/{part}"
        if name not in self._weights:
            raise self.refuse(layer, f"has no weights '{name}'")
        return self._weights[name].astype(np.float32)

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Keep an array."""
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, op: str, inputs: list[str], name: str, **attributes: Any) -> None:
        """Write an operator."""
        self._nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))

    def _value(self, name: str, channels: int | None) -> Any:
        if channels is None:
            # The sizes follow from the input's, which shape inference says.
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        batch, *sizes = _FREE
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, channels, *sizes])


def layers_model(path: Path, whole: Layer, weights: dict[str, NDArray[Any]]) -> Any:
    """A layers model as ONNX, its shapes inferred.

    Args:
        path: Its ``model.json``.
        whole: What is in that.
        weights: Arrays by name.

    Raises:
        InputError: It is none, or has what is not known here.
    """
    try:
        config = whole["modelTopology"]["model_config"]["config"]
        written = LayersModel(path, config, weights)
        return onnx.shape_inference.infer_shapes(written.model(path.stem), strict_mode=True)
    except (KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"{path} is no layers model of TensorFlow.js: {error!r}", "give its model.json"
        ) from error


def _conv(model: LayersModel, layer: Layer) -> None:
    config = layer["config"]
    size, steps, dilation = config["kernel_size"], config["strides"], config["dilation_rate"]
    if config.get("groups", 1) != 1 or config["activation"] not in ("linear", "relu"):
        raise model.refuse(layer, f"has groups, or the activation {config['activation']}")
    # TensorFlow has height, width, inputs, outputs.
    kernel = model.weight(layer, "kernel").transpose(3, 2, 0, 1)
    name = layer["name"]
    inputs = [*model.inputs(layer), model.constant(f"{name}/kernel", kernel)]
    if config["use_bias"]:
        inputs.append(model.constant(f"{name}/bias", model.weight(layer, "bias")))
    pads = {}
    if config["padding"] == "same":
        if any(step != 1 for step in steps):
            raise model.refuse(layer, f"has strides {steps} beside padding 'same'")
        sides = [(edge - 1) * apart for edge, apart in zip(size, dilation, strict=True)]
        pads = {"pads": [side // 2 for side in sides] + [side - side // 2 for side in sides]}
    relu = config["activation"] == "relu"
    found = f"{name}/conv" if relu else name
    model.add(
        "Conv", inputs, found, kernel_shape=size, strides=steps, dilations=dilation, **pads
    )  # fmt: skip
    if relu:
        model.add("Relu", [found], name)


def _activation(model: LayersModel, layer: Layer) -> None:
    if layer["config"]["activation"] != "relu":
        raise model.refuse(layer, f"is {layer['config']['activation']}, not relu")
    model.add("Relu", model.inputs(layer), layer["name"])


def _concatenate(model: LayersModel, layer: Layer) -> None:
    if layer["config"]["axis"] not in (3, -1):
        raise model.refuse(layer, f"joins axis {layer['config']['axis']}, not the channels")
    model.add("Concat", model.inputs(layer), layer["name"], axis=1)


def _up_sampling(model: LayersModel, layer: Layer) -> None:
    config = layer["config"]
    if config["interpolation"] != "nearest":
        raise model.refuse(layer, f"has the interpolation {config['interpolation']}")
    name = layer["name"]
    scales = model.constant(f"{name}/scales", np.array([1, 1, *config["size"]], np.float32))
    model.add(
        "Resize", [*model.inputs(layer), "", scales], name, mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip


_LAYERS: dict[str, Callable[[LayersModel, Layer], None]] = {
    "Activation": _activation,
    "Add": lambda model, layer: model.add("Add", model.inputs(layer), layer["name"]),
    "Concatenate": _concatenate,
    "Conv2D": _conv,
    "UpSampling2D": _up_sampling,
}
