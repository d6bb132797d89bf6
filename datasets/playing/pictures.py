"""Pictures of an answer, with regions over them. Pillow is imported where one is made."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

MOST_SIDE = 1024
"""Of a picture that is shown; larger ones are made smaller, and still say their own size."""


@dataclass(frozen=True)
class Region:
    """A part of a picture.

    Attributes:
        label: What it is.
        text: Its share of the picture or its score, as it is shown.
        png: A picture of one bit a pixel, white where the region is; base64. It is stretched to the
            picture that it lies on.
        x, y: A point of it, in parts of the width and height.
    """

    label: str
    text: str
    png: str
    x: float
    y: float


@dataclass(frozen=True)
class Picture:
    """A picture with a line below it; ``width`` and ``height`` in pixels before it was made small.

    Attributes:
        label: What it is.
        png: It, base64.
        regions: What is marked on it.
    """

    label: str
    png: str
    width: int
    height: int
    regions: tuple[Region, ...] = ()


def picture(pixels: NDArray[np.uint8], label: str, regions: Sequence[Region] = ()) -> Picture:
    """A picture to show.

    Args:
        pixels: ``(height, width)`` grey or ``(height, width, 3)`` RGB.
        label: What it is.
        regions: What is marked on it.
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    image = Image.fromarray(np.ascontiguousarray(pixels, np.uint8))
    if max(image.size) > MOST_SIDE:
        image.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.BOX)
    return Picture(label, _png(image), width, height, tuple(regions))


def region(mask: NDArray[np.bool_], label: str, text: str = "") -> Region:
    """A region to show.

    Args:
        mask: ``(height, width)``, true somewhere.
        label: What it is.
        text: Its figure; its share of the picture where there is none.
    """
    from PIL import Image

    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    # The pixel of it that is nearest to its middle: the middle of a ring is none of it.
    away = (rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2
    near = int(away.argmin())
    image = Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0)))
    image.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.NEAREST)
    return Region(
        label,
        text or f"{100 * len(rows) / mask.size:.1f} %",
        _png(image.convert("1", dither=Image.Dither.NONE)),
        (int(columns[near]) + 0.5) / width,
        (int(rows[near]) + 0.5) / height,
    )


def _png(image: "Image.Image") -> str:
    out = io.BytesIO()
    image.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()
