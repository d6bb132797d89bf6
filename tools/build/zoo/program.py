"""A network of a library, seeded or trained, written as a program of ``torch.export``."""

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from loadscope.errors import InputError, WorkError
from loadscope.files import replacing

_IMAGES, _TILES = 4, 8


def seed_weights(network: nn.Module, sample: tuple[int, ...], seed: int) -> None:
    """Give a network weights that keep differences between samples through any depth.

    A library starts batch norms at identity and some of their scales at 0, which lets a runtime
    fold away what trained weights would not; and where their statistics are not those of what
    comes in, as training makes them, the answers to all samples are nearly the same. Kernels are
    He's normal ones (2015b: variance 2 / fan-in), scales around 0.7. Batch norms have the
    statistics of coarse random tiles, whose last bits vary with the processor.

    Args:
        network: Takes one tensor where it has batch norms.
        sample: The sizes of one.
        seed: Of all random numbers.
    """
    random = torch.Generator().manual_seed(seed)
    norms = []
    for module in network.modules():
        if isinstance(module, nn.modules.conv._ConvNd):
            fan_in = module.weight[0].numel()
            nn.init.normal_(module.weight, 0, (2 / fan_in) ** 0.5, random)
        elif isinstance(module, nn.modules.batchnorm._BatchNorm):
            norms.append(module)
            for tensor, low, high in ((module.weight, 0.6, 0.8), (module.bias, -0.2, 0.2)):
                if tensor is not None:
                    nn.init.uniform_(tensor, low, high, random)
    if not norms:
        return
    network.eval()
    for norm in norms:
        norm.train().momentum = None
    tiles = torch.rand((_IMAGES, sample[0], *(_TILES for _ in sample[1:])), generator=random)
    with torch.no_grad():
        network(4 * nn.functional.interpolate(tiles, sample[1:]) - 2)
        for norm in norms:
            if norm.running_var is not None:
                # A channel that is dead for these images must not swamp the others in other images.
                norm.running_var.clamp_(min=float(norm.running_var.mean()) / 100)
            norm.eval()


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict: a safetensors file, or one of ``torch.save``.

    Raises:
        InputError: It is neither.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # What the readers raise depends on the contents of the file.
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"cannot read the weights {path}: {first}", "fetch it again") from error
    if not isinstance(state, dict):
        raise InputError(f"{path} is not a state dict (tensors by name)")
    return state


def write_program(
    network: nn.Module,
    example: tuple[torch.Tensor, ...],
    free: Mapping[int, Any],
    output: Path,
) -> None:
    """Write a program whose batch axis, and the other given ones, are free.

    Args:
        network: Takes the example's tensors in order; gives a tensor or several in order.
        example: Inputs to see it run with, of a batch of 2 or more.
        free: The axes of every input that are of any size, by number.
        output: The ``.pt2`` archive.

    Raises:
        WorkError: The network cannot be written with free axes.
    """
    logging.getLogger("torch").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            # The exporter warns of its own internals.
            warnings.simplefilter("ignore")
            program = torch.export.export(
                network.eval().requires_grad_(False),
                example,
                dynamic_shapes=tuple(dict(free) for _ in example),
                strict=False,
            )
            with replacing(output) as temporary, temporary.open("wb") as file:
                torch.export.save(program, file)
    except WorkError:
        raise
    except Exception as error:  # What torch.export raises depends on the network.
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WorkError(f"torch.export cannot write the network: {first[:300]}") from error
