"""What is done to a scan, and how a network's answer is read, as a manifest states it."""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

Weights = Literal["gaussian", "uniform"]
Sizes = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class VolumePreprocess:
    """From a scan to windows of normalised voxels.

    Attributes:
        window: The three sides of what the network takes, voxels.
        spacing: Millimetres from voxel to voxel that a scan is brought to by linear
            interpolation, along each axis; as it is where empty.
        fit: The whole scan is brought into one window instead, by its nearest voxels.
        clip: Lowest and highest value; everything is left where empty.
        quantiles: Instead of ``clip``: values are cut off at these quantiles of the scan, brought
            to 0 to 1, and the scan's own mean and deviation are taken out.
        mean: Subtracted after that.
        std: What the difference is divided by.
        pad: The value, normalised, of what is added around a scan.
        overlap: What neighbouring windows share, as a part of their side.
        weights: What a window's answers weigh where several overlap: ``gaussian``, the middle
            most, or all alike.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    window: Sizes = (128, 128, 128)
    spacing: tuple[float, ...] = ()
    fit: bool = False
    clip: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()
    mean: float = 0.0
    std: float = 1.0
    pad: float = 0.0
    overlap: float = 0.5
    weights: Weights = "gaussian"

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if len(self.window) != 3 or min(self.window) < 2:
            raise ValueError(f"window is {list(self.window)}, not three sides of 2 or more")
        if self.spacing and (len(self.spacing) != 3 or not min(self.spacing) > 0):
            raise ValueError(f"spacing is {list(self.spacing)}, not three lengths in mm")
        if self.fit and self.spacing:
            raise ValueError("spacing has no meaning where fit brings a scan into one window")
        for name, limits in (("clip", self.clip), ("quantiles", self.quantiles)):
            if limits and (len(limits) != 2 or not limits[0] < limits[1]):
                raise ValueError(f"{name} is {list(limits)}, not a lower and a higher number")
        if self.quantiles and not 0 <= self.quantiles[0] < self.quantiles[1] <= 1:
            raise ValueError(f"quantiles is {list(self.quantiles)}, not from 0 to 1")
        if self.clip and self.quantiles:
            raise ValueError("clip has no meaning beside quantiles")
        if not (math.isfinite(self.mean) and math.isfinite(self.std) and self.std > 0):
            raise ValueError(f"std is {self.std:g} and mean {self.mean:g}")
        if not 0 <= self.overlap < 1 or any(step < 1 for step in self.steps):
            raise ValueError(f"overlap is {self.overlap:g}, not from 0 to below 1")
        if self.weights not in get_args(Weights):
            raise ValueError(f"weights is '{self.weights}', not gaussian or uniform")

    @property
    def steps(self) -> Sizes:
        """How far one window is from the next along each axis, voxels."""
        return tuple(int(side * (1 - self.overlap)) for side in self.window)

    def material(self) -> dict[str, Any]:
        """The settings that shape what is kept in the cache; weights do not."""
        return {
            "window": list(self.window), "spacing": list(self.spacing), "fit": self.fit,
            "clip": list(self.clip), "quantiles": list(self.quantiles), "mean": self.mean,
            "std": self.std, "pad": self.pad, "steps": list(self.steps),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class VoxelSpec:
    """How the class of each voxel is read from a network's outputs.

    Attributes:
        output: The name of the output with a score a class for each voxel, ``(classes, …)``.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    output: str

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if not self.output:
            raise ValueError("output names no tensor")
