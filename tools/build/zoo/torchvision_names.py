"""torchvision for those who only build networks: stand-ins for it, and operators that it lacks.

torchvision's compiled part fits one build of PyTorch alone, and there is none for many machines.
timm builds its networks with two classes of it and imports much more; torchvision's own networks
want two operators of it to be defined, which only detectors call.
"""

import enum
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import torch
from torch import nn

_kept: list[Any] = []


class FrozenBatchNorm2d(nn.Module):
    """Batch normalisation with fixed statistics, over ``(batch, channels, height, width)``."""

    weight: torch.Tensor
    bias: torch.Tensor
    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0)):
            self.register_buffer(name, torch.full((num_features,), value))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise channels."""
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        offset = self.bias - self.running_mean * scale
        return x * scale[:, None, None] + offset[:, None, None]


class InterpolationMode(enum.Enum):
    """Names of resamplers, which timm lists in tables of its own."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


_REAL: dict[str, Any] = {
    "FrozenBatchNorm2d": FrozenBatchNorm2d,
    "InterpolationMode": InterpolationMode,
}
# Asked for in a 'try', with a way of its own where it is not there.
_ABSENT = "torchvision.models"


class _StandIn(ModuleType):
    """A module that has every name: a real class for two, an empty one for the others."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _REAL.get(name) or type(name, (), {})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        wanted = fullname.partition(".")[0] == "torchvision"
        if not wanted or fullname.startswith(_ABSENT):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is in it."""


def stand_in() -> None:
    """Let ``import torchvision`` give stand-ins in this process, whatever is installed."""
    sys.meta_path.insert(0, _Finder())


def define_operators() -> None:
    """Define the operators that torchvision registers shapes for, so that it can be imported."""
    library: Any = torch.library.Library  # PyTorch leaves it without types.
    library = library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    # They last as long as the object does.
    _kept.append(library)
