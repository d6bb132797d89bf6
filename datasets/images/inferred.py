"""What a model's file says of the photographs that it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadscope.datasets.declared import Asked, ModelInput
from loadscope.datasets.images.square_input import ids_of
from loadscope.errors import InputError, near
from loadscope.tensors import ANY_SIZE

SIDE = 224
"""The side that is assumed where the file leaves it free, pixels; ImageNet's usual one."""

# Mean and deviation of ImageNet's training set, in units of 0 to 255 (torchvision's, times 255).
NORMALISATIONS: Mapping[str, Mapping[str, Any]] = {
    "imagenet": {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]},
    "unit": {"mean": [0, 0, 0], "std": [255, 255, 255]},
    "raw": {"mean": [0, 0, 0], "std": [1, 1, 1]},
}
"""What ``--preprocess`` calls them: ImageNet's mean and deviation, 0 to 1, 0 to 255."""


@dataclass(frozen=True)
class SquareInput:
    """The one input of a file that takes photographs.

    Attributes:
        name: Of the tensor.
        dtype: Its numpy type.
        layout: ``NCHW`` or ``NHWC``.
        side: Height and width, pixels.
        is_free: Whether the side is assumed, for the file takes any.
    """

    name: str
    dtype: str
    layout: str
    side: int
    is_free: bool

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Those of the tensor without the batch axis."""
        side = self.side
        return (3, side, side) if self.layout == "NCHW" else (side, side, 3)

    @property
    def assumed(self) -> list[str]:
        """What the file does not say."""
        return [f"images of {self.side} x {self.side} pixels"] if self.is_free else []


def find_square(inputs: Sequence[ModelInput]) -> SquareInput | None:
    """The input that takes photographs; None where there is none, or something else beside it.

    A number for each sample, such as an id, may stand beside it.
    """
    found = [square for one in inputs if (square := _square(one)) is not None]
    if len(found) != 1 or ids_of(inputs, found[0].name) is None:
        return None
    return found[0]


def normalisation(asked: Asked, square: SquareInput) -> tuple[dict[str, Any], list[str]]:
    """Mean and deviation, and what of it is assumed.

    Args:
        asked: What the user says; settings are passed on as they are.
        square: The input.

    Raises:
        InputError: It is the name of none.
    """
    if isinstance(asked, Mapping):
        return dict(asked), []
    # A network that takes whole levels normalises by itself.
    usual = "raw" if square.dtype in ("uint8", "int8", "int16", "int32", "int64") else "imagenet"
    name = asked or usual
    if name not in NORMALISATIONS:
        known = ", ".join(NORMALISATIONS)
        raise InputError(
            f"--preprocess: unknown name '{name}', and there is no such file",
            f"{near(name, NORMALISATIONS)}use one of: {known}; or a YAML file with the settings",
        )
    return dict(NORMALISATIONS[name]), [] if asked else [f"preprocess {name}"]


def _square(tensor: ModelInput) -> SquareInput | None:
    shape = tuple(tensor.shape)
    if len(shape) != 3 or tensor.dtype == "bool":
        return None
    for layout, channels, sides in (
        ("NCHW", shape[0], shape[1:]),
        ("NHWC", shape[2], shape[:2]),
    ):
        if channels == 3 and sides[0] == sides[1] and sides[0] != 3:
            is_free = sides[0] == ANY_SIZE
            side = SIDE if is_free else sides[0]
            return SquareInput(tensor.name, tensor.dtype, layout, side, is_free)
    return None
