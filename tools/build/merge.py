"""A published encoder and a small delta of ours, made into one state dict."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from loadscope.errors import InputError
from loadscope.files import replacing
from loadscope.sut.architectures.registry import build_architecture

Arrays = dict[str, NDArray[Any]]

_PREFIX = "bert."
_HEAD = "qa_outputs."


def write_merged(
    architecture: str, classes: int, size: int, base: Path, delta: str, output: Path
) -> None:
    """Write the state dict of a base encoder with a delta added to it.

    Args:
        architecture: The network, by name.
        classes: Scores for each token.
        size: Its longest text in tokens.
        base: The encoder's weights, a safetensors file.
        delta: The name of a file in ``tools/build/data``, without its suffix.
        output: The file, a PyTorch zip archive.

    Raises:
        InputError: A file is not safetensors, or they fit neither each other nor the network.
    """
    shipped = files("loadscope.tools.build") / "data" / f"{delta}.safetensors"
    if not shipped.is_file():
        raise InputError(f"there is no delta '{delta}'", f"looked for {shipped}")
    merged = merge(_read(base.read_bytes(), str(base)), _read(shipped.read_bytes(), str(shipped)))
    network = build_architecture(architecture, classes, size)
    state = {}
    for name, tensor in network.state_dict().items():
        own = name if name.startswith(_HEAD) else name.removeprefix(_PREFIX)
        if own not in merged or merged[own].shape != tuple(tensor.shape):
            found = merged[own].shape if own in merged else "missing"
            raise InputError(
                f"{architecture} wants {name} of shape {tuple(tensor.shape)}: it is {found}",
                "correct architecture, base or delta in the model's manifest",
            )
        state[name] = torch.from_numpy(np.ascontiguousarray(merged[own], np.float32))
    # Through an open file: the archive would otherwise hold the temporary file's name.
    with replacing(output) as temporary, temporary.open("wb") as file:
        torch.save(state, file)


def merge(base: Arrays, delta: Arrays) -> Arrays:
    """Add a delta to weights, in float32.

    ``K.lora_A`` (rank, in) and ``K.lora_B`` (out, rank) are added to ``K.weight`` as
    ``lora_B @ lora_A`` (Hu et al., 2021, with the scale multiplied in); any other tensor stands
    in the place of the base's, or beside it.

    Raises:
        InputError: A pair is not whole, or the base has no weight of its shape.
    """
    merged = dict(base)
    for name, values in delta.items():
        owner, _, kind = name.rpartition(".")
        if kind == "lora_B":
            continue
        if kind != "lora_A":
            merged[name] = values.astype(np.float32)
            continue
        weight, other = base.get(f"{owner}.weight"), delta.get(f"{owner}.lora_B")
        if weight is None or other is None or weight.shape != (len(other), values.shape[1]):
            raise InputError(
                f"the delta's {owner} does not fit the base",
                "use the base that the delta was made for",
            )
        added = other.astype(np.float32) @ values.astype(np.float32)
        merged[f"{owner}.weight"] = weight.astype(np.float32) + added
    return merged


def _read(content: bytes, name: str) -> Arrays:
    try:
        arrays: Arrays = load(content)
    except SafetensorError as error:
        raise InputError(f"{name} is not a safetensors file: {error}", "fetch it again") from error
    return arrays
