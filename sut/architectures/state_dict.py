"""Weights on disk into a network written here."""

import pickle
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.serialization import LoadEndianness, set_default_load_endianness

from loadscope.errors import InputError
from loadscope.sut.architectures.registry import build_architecture

_NAMED = 3


def load_network(architecture: str, classes: int, size: int, path: Path) -> nn.Module:
    """Make a network and give it the weights of a state dict, every one or none.

    What a network calls ``UNUSED`` is passed over.

    Args:
        architecture: The network, by name.
        classes: The length of its output.
        size: Pixels along a side of its input, or its longest text in tokens.
        path: The state dict, a file of ``torch.save``.

    Returns:
        The network in evaluation mode, without gradients.

    Raises:
        InputError: The file cannot be read, is no state dict, or does not fit the network.
    """
    # Without storage of its own the network takes over the file's tensors, in half the memory.
    with torch.device("meta"):
        network = build_architecture(architecture, classes, size)
    unused: tuple[str, ...] = getattr(network, "UNUSED", ())
    state = {name: value for name, value in _read(path).items() if not name.startswith(unused)}
    _require_float32(state, path)
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except (RuntimeError, TypeError) as error:
        raise _misfit(architecture, network, state, path, error) from error
    return network.eval().requires_grad_(False)


def _read(path: Path) -> dict[str, torch.Tensor]:
    # Archives without a byte-order record come from little-endian machines.
    set_default_load_endianness(LoadEndianness.LITTLE)  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            # torch.load warns of its own storage classes on old files.
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"cannot read the weights {path}: {first[:200]}",
            "give a state dict saved by torch.save; fetch it again if it is damaged",
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise InputError(f"{path} is not a state dict (tensors by name)", "save the state dict")
    return state


def _require_float32(state: dict[str, torch.Tensor], path: Path) -> None:
    for name, tensor in state.items():
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            raise InputError(
                f"{path}: {name} is {tensor.dtype}, not float32", "save the weights as float32"
            )


def _misfit(
    architecture: str,
    network: nn.Module,
    state: dict[str, torch.Tensor],
    path: Path,
    error: Exception,
) -> InputError:
    own = network.state_dict()
    counters = [name for name in own if name.endswith("num_batches_tracked")]
    missing = [name for name in own if name not in state and name not in counters]
    unexpected = [name for name in state if name not in own]
    other = [
        f"{name} is {list(state[name].shape)}, not {list(tensor.shape)}"
        for name, tensor in own.items()
        if name in state and state[name].shape != tensor.shape
    ]
    parts = [
        f"{what} {_few(names)}"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("shape:", other))
        if names
    ]
    said = "; ".join(parts) or str(error).splitlines()[0]
    return InputError(
        f"{path} does not fit {architecture}: {said}",
        "correct the architecture or the file in the model's manifest",
    )


def _few(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
