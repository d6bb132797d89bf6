"""What is done to a photograph before a classifier sees it.

Two halves: the geometry (decode, crop, resize), whose 8-bit result is kept in the sample cache,
and the normalisation, done when samples are loaded. This module declares both and does the
second; it imports numpy alone, because the measured process uses it.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

Geometry = Literal["crop-then-resize", "resize-then-crop", "squash"]
Resampler = Literal[
    "opencv-bilinear", "opencv-bicubic", "opencv-area", "pillow-bilinear", "pillow-bicubic"
]
Colour = Literal["rgb", "bgr", "grey"]
Decoding = Literal["exact", "reduced"]
Levels = tuple[float, ...]
"""A number for each channel: three, or one of grey."""


class PixelPreprocess(Protocol):
    """What is shared by all preprocessing that ends in a square of normalised pixels."""

    @property
    def mean(self) -> Levels:
        """Subtracted from each channel, in units of 0 to 255."""

    @property
    def std(self) -> Levels:
        """What the difference is divided by."""

    @property
    def colour(self) -> Colour:
        """The order of the channels in the model's input."""

    @property
    def size(self) -> int:
        """Height and width of the square, pixels."""

    def geometry_material(self) -> dict[str, Any]:
        """The settings that shape the 8-bit image."""


@dataclass(frozen=True, kw_only=True)
class ImagePreprocess:
    """The preprocessing of an image classifier, as a model's manifest states it.

    Attributes:
        geometry: ``crop-then-resize`` cuts the central square and resizes it (the EfficientNet
            way); ``resize-then-crop`` resizes the whole and cuts the central square (the
            official MLPerf scripts, torchvision); ``squash`` resizes both sides to ``short_side``,
            whatever shape the image has, and cuts the central square (timm's ``crop_mode``).
        resampler: The library and method that resize. OpenCV's ones take no more than the
            neighbouring pixels; Pillow's ones widen their window when they shrink.
        mean: Subtracted from each channel, in units of 0 to 255, in the order of ``colour``.
        std: What the difference is divided by, likewise.
        colour: The order of the channels in the model's input; ``grey`` is one channel, the
            luma of ITU-R BT.601 as Pillow computes it.
        size: Height and width of the result, pixels.
        crop_fraction: For ``crop-then-resize``: side of the square as a part of the short side.
        short_side: For ``resize-then-crop`` and ``squash``: length of the short side after
            resizing, pixels.
        decoding: ``reduced`` decodes a JPEG at a half, a quarter or an eighth where that leaves
            the resampler something to shrink still. Pixels of such an image differ from
            ``exact`` ones by some 6 of 255 levels on average: DCT scaling averages pixels that
            OpenCV's resamplers skip.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    geometry: Geometry
    resampler: Resampler
    mean: Levels
    std: Levels
    colour: Colour = "rgb"
    size: int = 224
    crop_fraction: float = 0.875
    short_side: int = 256
    decoding: Decoding = "exact"

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        one_of("geometry", self.geometry, get_args(Geometry))
        one_of("resampler", self.resampler, get_args(Resampler))
        one_of("colour", self.colour, get_args(Colour))
        one_of("decoding", self.decoding, get_args(Decoding))
        if self.size < 1:
            raise ValueError(f"size is {self.size}, not a number of pixels")
        if not 0 < self.crop_fraction <= 1:
            raise ValueError(f"crop_fraction is {self.crop_fraction}, not above 0 and at most 1")
        if self.geometry == "crop-then-resize" and self.short_side != 256:
            raise ValueError("short_side has no meaning for crop-then-resize")
        if self.geometry != "crop-then-resize" and self.crop_fraction != 0.875:
            raise ValueError(f"crop_fraction has no meaning for {self.geometry}")
        if self.geometry != "crop-then-resize" and self.short_side < self.size:
            raise ValueError(
                f"short_side {self.short_side} leaves no room for a crop of {self.size} pixels"
            )
        each_channel("mean", self.mean, self.colour, lowest=0)
        each_channel("std", self.std, self.colour, lowest=1)

    def geometry_material(self) -> dict[str, Any]:
        """The settings that shape the 8-bit image, for the key of the sample cache.

        Colour order, mean and deviation are left out: models that differ in nothing else share
        one cache.
        """
        setting = "crop_fraction" if self.geometry == "crop-then-resize" else "short_side"
        return {
            "geometry": self.geometry,
            "resampler": self.resampler,
            "size": self.size,
            setting: getattr(self, setting),
            # Left out where it is exact, so that caches made before there was a choice still count.
            **({} if self.decoding == "exact" else {"decoding": self.decoding}),
        }


class Normaliser:
    """Turns 8-bit RGB images into a model's input: ``(x - mean) / std``.

    The arithmetic is float32, as in the official scripts. Safe to share between threads.

    Args:
        preprocess: Gives colour order, mean, deviation and size.
        layout: ``NCHW`` or ``NHWC``.
        dtype: The numpy type of the result, to which the float32 values are cast; a type of
            whole numbers for a model that normalises by itself.

    Raises:
        ValueError: Another layout, or a type that cannot hold what mean and deviation make.
    """

    def __init__(self, preprocess: PixelPreprocess, layout: str, dtype: str = "float32") -> None:
        one_of("layout", layout, ("NCHW", "NHWC"))
        self.dtype = np.dtype(dtype)
        self._is_changed = any(preprocess.mean) or any(value != 1 for value in preprocess.std)
        mean = np.asarray(preprocess.mean, np.float32)
        std = np.asarray(preprocess.std, np.float32)
        if self.dtype.kind != "f":
            _require_whole(self.dtype, mean, std)
        self._planar = layout == "NCHW"
        self._reverse = preprocess.colour == "bgr"
        self._grey = preprocess.colour == "grey"
        self.shape = image_shape(preprocess, layout)
        self._mean, self._std = self._constants(mean), self._constants(std)
        self._divide: np.ufunc = np.divide
        if np.all(np.frexp(std)[0] == 0.5):
            # By a power of two multiplication is exact too, and takes half the time.
            self._divide, self._std = np.multiply, 1 / self._std

    def _constants(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if np.all(values == values[0]):
            return values[:1]
        # Interleaved channels are worked on a row at a time against a row of constants: numpy is
        # four times slower on an inner axis of three.
        return values[:, None, None] if self._planar else np.tile(values, self.shape[1])

    def __call__(self, images: NDArray[np.uint8], out: NDArray[Any]) -> None:
        """Normalise a batch.

        Args:
            images: ``(batch, size, size, 3)``, RGB.
            out: Where the result goes: C-contiguous, ``(batch, *self.shape)``, ``self.dtype``.
        """
        if not out.flags.c_contiguous:
            raise ValueError("out is not C-contiguous")
        # One image at a time stays in the processor's cache for all steps.
        for image, target in zip(images, out, strict=True):
            work = self._work(target)
            self.arrange(image, work)
            self._scale(work, target)

    def arrange(self, image: NDArray[np.uint8], out: NDArray[Any]) -> None:
        """Bring one image into the model's layout and order of colours, its values unchanged.

        Args:
            image: ``(size, size, 3)``, RGB.
            out: Where the result goes: ``self.shape``, uint8 or ``self.dtype``.
        """
        source = image[:, :, ::-1] if self._reverse else _luma(image) if self._grey else image
        out[...] = source.transpose(2, 0, 1) if self._planar else source

    def finish(self, arranged: NDArray[np.uint8], out: NDArray[Any]) -> None:
        """Normalise one image that ``arrange`` has brought into place as uint8.

        Args:
            arranged: ``self.shape``, uint8.
            out: Where the result goes: C-contiguous, ``self.shape``, ``self.dtype``.
        """
        work = self._work(out)
        work[...] = arranged
        self._scale(work, out)

    def _work(self, target: NDArray[Any]) -> NDArray[Any]:
        """Where an image is computed: its own place, unless that is of another type."""
        direct = self.dtype == np.float32 or not self._is_changed
        return target if direct else np.empty(self.shape, np.float32)

    def _scale(self, image: NDArray[Any], target: NDArray[Any]) -> None:
        if self._is_changed:
            work = image if self._planar else image.reshape(image.shape[0], -1)
            np.subtract(work, self._mean, out=work)
            self._divide(work, self._std, out=work)
        if image is not target:
            target[...] = image


def _require_whole(
    dtype: np.dtype[Any], mean: NDArray[np.float32], std: NDArray[np.float32]
) -> None:
    """Check that a type of whole numbers holds what each of the 256 levels becomes."""
    levels = (np.arange(256, dtype=np.float32)[:, None] - mean) / std
    limits = np.iinfo(dtype) if dtype.kind in "iu" else None
    if (
        limits is None
        or np.any(levels != np.trunc(levels))
        or levels.min() < limits.min
        or levels.max() > limits.max
    ):
        raise ValueError(
            f"pixels of type {dtype.name} cannot hold mean {mean.tolist()} and std "
            f"{std.tolist()}: they become {levels.min():g} to {levels.max():g}"
        )


def one_of(key: str, value: str, known: tuple[str, ...]) -> None:
    """Check that a setting is a known word.

    Raises:
        ValueError: It is not.
    """
    if value not in known:
        raise ValueError(f"{key} is '{value}', not one of: {', '.join(known)}")


def each_channel(key: str, values: Levels, colour: Colour, lowest: float) -> None:
    """Check that a setting has a plausible number for each channel.

    Raises:
        ValueError: It has not; they are between ``lowest`` and 255.
    """
    if len(values) != channels(colour):
        raise ValueError(
            f"{key} has {len(values)} numbers, not one for each of {channels(colour)} channels"
        )
    for value in values:
        if not math.isfinite(value) or not lowest <= value <= 255:
            raise ValueError(
                f"{key} has {value}, outside {lowest} to 255 (multiply by 255 if it is meant"
                " for pixels of 0 to 1)"
            )


def channels(colour: Colour) -> int:
    """How many numbers a pixel of the model's input has."""
    return 1 if colour == "grey" else 3


def image_shape(preprocess: PixelPreprocess, layout: str) -> tuple[int, int, int]:
    """The shape of one image in ``NCHW`` or ``NHWC``, without the batch axis."""
    size, depth = preprocess.size, channels(preprocess.colour)
    return (depth, size, size) if layout == "NCHW" else (size, size, depth)


def _luma(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``(size, size, 1)`` of ``(size, size, 3)``: 0.299 R + 0.587 G + 0.114 B in 1/65536."""
    weighted = image.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
    return ((weighted + 0x8000) >> 16).astype(np.uint8)[:, :, None]
