"""The weights of an ONNX file, given to a network of ours as a PyTorch state dict."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from loadscope.errors import InputError
from loadscope.files import replacing
from loadscope.sut.architectures.registry import build_architecture

_FIX = "correct architecture, classes or 'from' in the model's manifest"


def write_weights(architecture: str, classes: int, size: int, source: Path, output: Path) -> None:
    """Write the state dict of a network whose convolutions are an ONNX file's, in its order.

    An exporter that folds batch norms names what is left by number, so the order is what
    tells a convolution; the shape of every one of them is checked.

    Args:
        architecture: A network that is made of convolutions with biases and registers them in
            the order in which they run.
        classes: How many classes it tells apart.
        size: Pixels along a side of its input.
        source: The ONNX file.
        output: The file, a PyTorch zip archive.

    Raises:
        InputError: The file is not ONNX, or its convolutions are not the network's.
    """
    found = _convolutions(source)
    network = build_architecture(architecture, classes, size)
    wanted = [
        (name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d)
    ]
    if len(found) != len(wanted):
        raise InputError(
            f"{source} has {len(found)} convolutions, {architecture} has {len(wanted)}", _FIX
        )
    state: dict[str, torch.Tensor] = {}
    for (name, module), (node, weight, bias) in zip(wanted, found, strict=True):
        if module.bias is None or tuple(module.weight.shape) != weight.shape:
            raise InputError(
                f"{source}: the weight of {node} is {weight.shape}, {architecture} wants"
                f" {tuple(module.weight.shape)} for {name}",
                _FIX,
            )
        state[f"{name}.weight"] = torch.from_numpy(np.array(weight, np.float32))
        state[f"{name}.bias"] = torch.from_numpy(np.array(bias, np.float32))
    network.load_state_dict(state, strict=True)
    # Through an open file: the archive would otherwise hold the temporary file's name.
    with replacing(output) as temporary, temporary.open("wb") as file:
        torch.save(state, file)


def _convolutions(source: Path) -> list[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Name, weight and bias of each convolution."""
    try:
        graph = onnx.load(source).graph
    except (OSError, DecodeError) as error:
        raise InputError(f"cannot read {source} as ONNX: {error}", "fetch it again") from error
    weights = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    found = []
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        if len(node.input) != 3 or not weights.keys() >= set(node.input[1:]):
            raise InputError(f"{source}: {node.name} has no constant weight and bias", _FIX)
        found.append((node.name, weights[node.input[1]], weights[node.input[2]]))
    return found
