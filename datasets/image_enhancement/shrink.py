"""From a photograph to what is to be enlarged, and what a plain filter makes of that."""

from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from loadscope.datasets.image_enhancement.enlarge_spec import EnlargePreprocess
from loadscope.datasets.images.image_decode import decode, decoder_versions
from loadscope.errors import InputError

Pixels = NDArray[np.uint8]
"""``(height, width, 3)``, RGB."""


def truth(path: Path, spec: EnlargePreprocess) -> Pixels:
    """The part of a photograph that an answer is held against.

    Args:
        path: The photograph.
        spec: Says which part: the middle, or the whole.

    Raises:
        InputError: It does not decode, or has too few pixels.
    """
    image = decode(path)
    height, width = image.shape[:2]
    if spec.size:
        side = spec.size * spec.scale
        if min(height, width) < side:
            raise InputError(
                f"image {path} has {width} x {height} pixels, expected {side} x {side} at least "
                f"(size {spec.size} by scale {spec.scale})",
                "leave it out, or choose a smaller size in preprocess",
            )
        top, left = (height - side) // 2, (width - side) // 2
        return image[top : top + side, left : left + side]
    if min(height, width) < spec.scale:
        raise InputError(
            f"image {path} has {width} x {height} pixels, too few for scale {spec.scale}",
            "leave it out",
        )
    return image[: height - height % spec.scale, : width - width % spec.scale]


def shrunk(image: Pixels, scale: int) -> Pixels:
    """An image made smaller by a whole number."""
    height, width = image.shape[:2]
    return _resized(image, height // scale, width // scale)


def enlarged(image: Pixels, scale: int) -> Pixels:
    """An image made larger by a whole number, which any network is to do better."""
    height, width = image.shape[:2]
    return _resized(image, height * scale, width * scale)


def library_versions() -> dict[str, str | None]:
    """The versions of what shapes the pixels."""
    return {**decoder_versions(), "pillow": PIL.__version__}


def _resized(image: Pixels, height: int, width: int) -> Pixels:
    found = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(found)
