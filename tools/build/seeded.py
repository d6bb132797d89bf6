"""Untrained weights that compute like trained ones: for speed without a download."""

import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from loadscope.files import replacing
from loadscope.sut.architectures.llama import RmsNorm
from loadscope.sut.architectures.registry import build_architecture

_NORMS = (nn.BatchNorm2d, nn.InstanceNorm3d, nn.LayerNorm, RmsNorm)
# The sides of a detector's boxes are exponentials: He's scale would make points and giants.
_BOX_SCALE = np.float32(0.1)


def write_seeded(architecture: str, classes: int, size: int, seed: int, output: Path) -> None:
    """Write a state dict whose values depend on the seed and the tensors' names alone.

    Args:
        architecture: The network, by name.
        classes: The length of its output.
        size: Pixels along a side of its input, or its longest text in tokens.
        seed: Any non-negative integer.
        output: The file, a PyTorch zip archive.
    """
    network = build_architecture(architecture, classes, size)
    state = seeded_state(network, seed)
    # Through an open file: the archive would otherwise hold the temporary file's name.
    with replacing(output) as temporary, temporary.open("wb") as file:
        torch.save(state, file)


def seeded_state(network: nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """Weights for every tensor of a network, float32 (int64 for counters).

    Convolutions, linear layers and embeddings have He's normal weights (He et al., 2015b:
    variance 2 / fan-in). Batch norm has statistics that are neither identity nor a constant, so
    that nothing can be folded away, and scales around 0.7, so that a residual network of any
    depth keeps its activations near 1; layer and RMS norms have such scales too. A layer called
    ``box`` has a tenth of He's scale.

    Args:
        network: Gives names and shapes; its own values are not used.
        seed: Any non-negative integer.
    """
    norms = {name for name, module in network.named_modules() if isinstance(module, _NORMS)}
    state = {}
    for name, tensor in network.state_dict().items():
        owner, _, kind = name.rpartition(".")
        # A stream for each tensor: adding or reordering layers leaves the others' weights alone.
        random = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
        shape = tuple(tensor.shape)
        values = _norm_values(kind, shape, random) if owner in norms else _he(shape, random)
        if owner.endswith(".box"):
            values *= _BOX_SCALE
        state[name] = torch.from_numpy(values)
    return state


def _he(shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float32]:
    if len(shape) == 1:
        return random.normal(0, 0.1, shape).astype(np.float32)
    fan_in = int(np.prod(shape[1:]))
    return random.normal(0, (2 / fan_in) ** 0.5, shape).astype(np.float32)


def _norm_values(
    kind: str, shape: tuple[int, ...], random: np.random.Generator
) -> NDArray[np.float32] | NDArray[np.int64]:
    if kind == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    if kind == "weight":
        return random.uniform(0.6, 0.8, shape).astype(np.float32)
    if kind == "running_var":
        return random.uniform(0.8, 1.25, shape).astype(np.float32)
    return random.normal(0, 0.1, shape).astype(np.float32)
