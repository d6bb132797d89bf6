"""What is done to a photograph before a detector sees it, and the way back for its boxes.

Imports numpy alone, because the measured process uses it.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from loadscope.datasets.images.image_preprocess import (
    Colour,
    Levels,
    Resampler,
    each_channel,
    one_of,
)

SIZE_BYTES = 8
"""A record of the sample cache ends in the image's own width and height, two ``<u4``."""

Geometry = Literal["letterbox-top-left", "letterbox-centre", "stretch"]


@dataclass(frozen=True, kw_only=True)
class DetectionPreprocess:
    """The preprocessing of a detector, as a model's manifest states it.

    Attributes:
        geometry: ``letterbox-top-left`` scales the whole image to fit the square, both ways
            alike, and fills the right and lower rest (YOLOX); ``letterbox-centre`` puts the
            image in the middle (YOLO11); ``stretch`` scales each axis to the square (the
            official SSD and RetinaNet scripts).
        resampler: The library and method that resize.
        size: Height and width of the result, pixels.
        mean: Subtracted from each channel, in units of 0 to 255, in the order of ``colour``.
        std: What the difference is divided by, likewise.
        colour: The order of the channels in the model's input.
        pad: What fills the rest of a letterbox, 0 to 255, before normalisation.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    geometry: Geometry
    resampler: Resampler
    size: int
    mean: Levels = (0, 0, 0)
    std: Levels = (1, 1, 1)
    colour: Colour = "rgb"
    pad: int = 114

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        one_of("geometry", self.geometry, get_args(Geometry))
        one_of("resampler", self.resampler, get_args(Resampler))
        one_of("colour", self.colour, get_args(Colour))
        if self.size < 1:
            raise ValueError(f"size is {self.size}, not a number of pixels")
        if not 0 <= self.pad <= 255:
            raise ValueError(f"pad is {self.pad}, outside 0 to 255")
        if self.geometry == "stretch" and self.pad != 114:
            raise ValueError("pad has no meaning for stretch")
        each_channel("mean", self.mean, self.colour, lowest=0)
        each_channel("std", self.std, self.colour, lowest=1)

    def geometry_material(self) -> dict[str, Any]:
        """The settings that shape the 8-bit image, for the key of the sample cache."""
        pad = {} if self.geometry == "stretch" else {"pad": self.pad}
        return {"geometry": self.geometry, "resampler": self.resampler, "size": self.size, **pad}

    def placement(self, width: int, height: int) -> "Placement":
        """Where an image of this size, in pixels, comes to lie in the square."""
        size = self.size
        if self.geometry == "stretch":
            return Placement(size / width, size / height, 0, 0, size, size)
        scale = min(size / width, size / height)
        if self.geometry == "letterbox-top-left":
            # YOLOX's own preprocessing rounds the sides down.
            return Placement(scale, scale, 0, 0, _side(width * scale), _side(height * scale))
        wide, high = _side(round(width * scale)), _side(round(height * scale))
        # Ultralytics' rounding: an odd pixel goes to the right and below.
        left, top = round((size - wide) / 2 - 0.1), round((size - high) / 2 - 0.1)
        return Placement(scale, scale, left, top, wide, high)


@dataclass(frozen=True, slots=True)
class Placement:
    """An image in the square that a detector sees.

    ``x`` of the image is ``x * scale_x + left`` of the square, and ``y`` likewise.

    Attributes:
        scale_x: Width in the square by width of the image, before rounding to whole pixels.
        scale_y: Likewise for heights.
        left: Pixels before the image.
        top: Pixels above the image.
        width: Of the image in the square, pixels.
        height: Likewise.
    """

    scale_x: float
    scale_y: float
    left: int
    top: int
    width: int
    height: int


def _side(length: float) -> int:
    return max(1, int(length))
