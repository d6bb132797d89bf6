"""What PyTorch is told for a whole process: the device, and how exact a GPU multiplies."""

from collections.abc import Mapping
from typing import Any

import torch

from loadscope.devices import canonical
from loadscope.errors import InputError

HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
"""The values of the option ``dtype`` that are no float32."""

_GPU_ONLY = ("tf32", "cuda_graphs")


def torch_device(options: Mapping[str, Any]) -> torch.device:
    """The device that options ask for.

    Args:
        options: Of the backend, checked.

    Raises:
        InputError: It is not here, or an option has no meaning on it.
    """
    name = canonical(options.get("device", "cpu"))
    device = torch.device("cpu") if name == "nnpa" else torch.device(name)
    for option in _GPU_ONLY:
        if options.get(option, False) and device.type != "cuda":
            raise InputError(
                f"PyTorch: {option} has no meaning on the device {name}",
                "leave it out, or ask for --device cuda",
            )
    if options.get("tf32", False) and options.get("dtype") in HALVES:
        raise InputError(
            f"PyTorch: tf32 has no meaning beside dtype = {options['dtype']}",
            "leave one of them out",
        )
    if name == "nnpa":
        try:
            # Its import registers the device.
            import torch_nnpa  # noqa: F401
        except ImportError as error:
            raise InputError(
                "device nnpa needs the package torch_nnpa, which is not installed here",
                "install IBM's torch_nnpa beside PyTorch (IBM Z, z16 or later); see docs/ibm-z.md",
            ) from error
        return torch.device(name)
    _require(name, device)
    if device.type == "cuda":
        # An index, which what is compared with it has.
        return torch.device("cuda", device.index or 0)
    return device


def _require(name: str, device: torch.device) -> None:
    if device.type == "cpu":
        return
    if device.type == "mps":
        count = int(torch.backends.mps.is_available())
    else:
        count = getattr(torch, device.type).device_count()
    if (device.index or 0) >= count:
        raise InputError(
            f"PyTorch {torch.__version__} finds {count} device(s) of the kind {device.type}, so "
            f"not {name}",
            "see 'loadscope doctor' for the devices and their drivers",
        )


def settle_tf32(options: Mapping[str, Any], device: torch.device) -> None:
    """Say whether a GPU may round float32 to TF32 before it multiplies: not unless asked.

    PyTorch's own default is yes for convolutions and no for matrices, so that 'float32' would
    mean two things.

    Args:
        options: Of the backend.
        device: Others than ``cuda`` are left alone.
    """
    if device.type != "cuda":
        return
    asked = bool(options.get("tf32", False))
    exact = "tf32" if asked else "ieee"
    cuda: Any = torch.backends
    # PyTorch before 2.9 has these alone; torch.export and torch.compile of later ones refuse to
    # read flags of which the old and the new differ.
    cuda.cuda.matmul.allow_tf32 = cuda.cudnn.allow_tf32 = asked
    if hasattr(cuda.cudnn, "conv"):
        cuda.cuda.matmul.fp32_precision = exact
        cuda.cudnn.conv.fp32_precision = cuda.cudnn.rnn.fp32_precision = exact


def tf32_in_force() -> bool:
    """Whether PyTorch lets a GPU round to TF32, in convolutions or in matrices."""
    cuda: Any = torch.backends
    if hasattr(cuda.cudnn, "conv"):
        return "tf32" in (cuda.cuda.matmul.fp32_precision, cuda.cudnn.conv.fp32_precision)
    return bool(cuda.cuda.matmul.allow_tf32 or cuda.cudnn.allow_tf32)
