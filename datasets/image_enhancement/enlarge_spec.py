"""What a network that enlarges photographs takes and gives, as its manifest states it."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from loadscope.datasets.images.image_preprocess import Colour, Levels, each_channel, one_of

Channels = Literal["first", "last"]
Range = Literal[1, 255]
_LARGEST_SCALE = 16


@dataclass(frozen=True, kw_only=True)
class EnlargePreprocess:
    """How a photograph is made small, and what the network is fed with.

    Attributes:
        scale: By how much the network enlarges; a photograph is made smaller by it, by Pillow's
            bicubic filter, which widens its window when it shrinks.
        size: Height and width of what the network takes, pixels: the middle of each photograph
            is cut out in ``scale`` times that. 0: whole photographs, of any sizes, less the
            rows and columns at the end that ``scale`` does not divide.
        mean: Subtracted from each channel, in units of 0 to 255.
        std: What the difference is divided by, likewise.
        colour: The order of the channels.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    scale: int
    size: int = 0
    mean: Levels = (0.0, 0.0, 0.0)
    std: Levels = (1.0, 1.0, 1.0)
    colour: Colour = "rgb"

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if not 2 <= self.scale <= _LARGEST_SCALE:
            raise ValueError(f"scale is {self.scale}, not from 2 to {_LARGEST_SCALE}")
        if self.size < 0:
            raise ValueError(f"size is {self.size}, not a number of pixels")
        if self.colour == "grey":
            raise ValueError("colour is 'grey', not one of: rgb, bgr")
        one_of("colour", self.colour, ("rgb", "bgr"))
        each_channel("mean", self.mean, self.colour, lowest=0)
        each_channel("std", self.std, self.colour, lowest=1)

    def material(self) -> dict[str, Any]:
        """The settings that shape what is kept in the cache."""
        return {"scale": self.scale, "size": self.size, "resampler": "pillow-bicubic"}


@dataclass(frozen=True, kw_only=True)
class EnlargedSpec:
    """How the enlarged photograph is read from a network's outputs.

    Attributes:
        output: The name of that output.
        channels: Where the three numbers of a pixel stand: ``first`` is ``(3, height, width)``.
        range: What white is: 1 or 255. Other numbers are cut off, and rounded to 256 levels.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    output: str
    channels: Channels = "first"
    range: Range = 255

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if not self.output:
            raise ValueError("output names no tensor")
        one_of("channels", self.channels, get_args(Channels))
        if self.range not in get_args(Range):
            raise ValueError(f"range is {self.range}, not 1 or 255")
