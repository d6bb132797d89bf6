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


def seed_statistics(network: nn.Module, seed: int) -> None:
    """Give batch norms statistics that are neither identity nor a constant.

    A library starts them at identity, and some scales at 0, which lets a runtime fold away what
    trained weights would not. Scales around 0.7 keep residual networks of any depth near 1.
    """
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if not isinstance(module, nn.modules.batchnorm._BatchNorm):
                continue
            for tensor, low, high in (
                (module.weight, 0.6, 0.8),
                (module.bias, -0.2, 0.2),
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.8, 1.25),
            ):
                if tensor is not None:
                    tensor.uniform_(low, high, generator=random)


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
