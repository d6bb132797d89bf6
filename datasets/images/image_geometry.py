"""Crop and resize: from a decoded photograph to the 8-bit square that the cache keeps."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from loadscope.datasets.images.image_decode import decode, decoder_versions
from loadscope.datasets.images.image_preprocess import ImagePreprocess, Resampler
from loadscope.errors import InputError

_OPENCV: dict[Resampler, int] = {
    "opencv-bilinear": cv2.INTER_LINEAR,
    "opencv-bicubic": cv2.INTER_CUBIC,
    "opencv-area": cv2.INTER_AREA,
}
_PILLOW: dict[Resampler, Image.Resampling] = {
    "pillow-bilinear": Image.Resampling.BILINEAR,
    "pillow-bicubic": Image.Resampling.BICUBIC,
}


def apply_geometry(preprocess: ImagePreprocess, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Crop and resize an image.

    Args:
        preprocess: Says how.
        image: ``(height, width, 3)``.

    Returns:
        ``(size, size, 3)``, C-contiguous, channels in the order of ``image``.

    Raises:
        ValueError: The image is too small to crop.
    """
    if preprocess.geometry == "crop-then-resize":
        done = _crop_thenresize(preprocess, image)
    else:
        done = _resize_then_crop(preprocess, image)
    return np.ascontiguousarray(done)


def _crop_thenresize(preprocess: ImagePreprocess, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # The rounding of the crop is that of EfficientNet's published evaluation code.
    height, width = image.shape[:2]
    side = int(preprocess.crop_fraction * min(height, width))
    if side < 1:
        raise ValueError(f"{width} x {height} pixels are too few to crop")
    top, left = (height - side + 1) // 2, (width - side + 1) // 2
    crop = image[top : top + side, left : left + side]
    return resize(preprocess.resampler, crop, preprocess.size, preprocess.size)


def _resize_then_crop(preprocess: ImagePreprocess, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    size, short = preprocess.size, preprocess.short_side
    if preprocess.geometry == "squash":
        height = width = short
    # Both the official scripts and torchvision round the long side down.
    elif height > width:
        height, width = int(short * height / width), short
    else:
        height, width = short, int(short * width / height)
    resized = resize(preprocess.resampler, image, width, height)
    top, left = (height - size) / 2, (width - size) / 2
    if preprocess.resampler in _PILLOW:
        # torchvision's center_crop: to the nearest, halves to the even neighbour.
        y, x = round(top), round(left)
    else:
        y, x = int(top), int(left)
    return resized[y : y + size, x : x + size]


def divisor(preprocess: ImagePreprocess, width: int, height: int) -> int:
    """How much smaller an image may be decoded, so that resizing it still shrinks it."""
    if preprocess.decoding == "exact":
        return 1
    if preprocess.geometry == "crop-then-resize":
        spare = preprocess.crop_fraction * min(width, height) / preprocess.size
    else:
        spare = min(width, height) / preprocess.short_side
    return max(by for by in (1, 2, 4, 8) if by == 1 or by <= spare)


def resize(
    resampler: Resampler, image: NDArray[np.uint8], width: int, height: int
) -> NDArray[np.uint8]:
    """Resize an image ``(height, width, 3)`` to this width and height, pixels."""
    if resampler in _PILLOW:
        return np.array(Image.fromarray(image).resize((width, height), _PILLOW[resampler]))
    resized = cv2.resize(image, (width, height), interpolation=_OPENCV[resampler])
    return np.asarray(resized, np.uint8)


def library_versions(resampler: Resampler) -> dict[str, str | None]:
    """The versions of the libraries that shape pixels: what decodes, and what resizes."""
    libraries = decoder_versions()
    if resampler in _OPENCV:
        libraries["opencv"] = cv2.__version__
    return libraries


@dataclass(frozen=True)
class ImageRecords:
    """Makes the records of an image data set's sample cache (a ``RecordMaker``).

    Attributes:
        preprocess: The geometry that is applied.
    """

    preprocess: ImagePreprocess

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a record."""
        return (self.preprocess.size, self.preprocess.size, 3)

    def material(self) -> dict[str, Any]:
        """All that shapes the pixels, the libraries that decode and resize included."""
        return {
            "kind": "image",
            **self.preprocess.geometry_material(),
            "libraries": library_versions(self.preprocess.resampler),
        }

    def start_worker(self) -> None:
        """Keep OpenCV to one thread where there is a process for each core already."""
        cv2.setNumThreads(1)

    def make(self, contents: bytes, path: Path) -> NDArray[np.uint8]:
        """Make one record from a file's contents.

        Raises:
            InputError: The contents are not a whole image or too small; names the file.
        """
        image = decode(contents, str(path), divisor=partial(divisor, self.preprocess))
        try:
            return apply_geometry(self.preprocess, image)
        except ValueError as error:
            raise InputError(f"image {path} cannot be used: {error}") from error
