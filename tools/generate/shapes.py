"""The data set ``shapes-generated``: drawings of shapes, and what each pixel shows.

Run by hand when the drawings change:

    python -m loadscope.tools.generate.shapes datasets/semantic_segmentation/shapes-generated
"""

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from loadscope.datasets.semantic_segmentation.mean_iou import IGNORED
from loadscope.files import replacing

PICTURES = 8
_SIDES = ((160, 120), (120, 160), (128, 128), (192, 108))
# Ground, circle, square, triangle: about these colours, RGB.
_COLOURS = ((90, 90, 90), (200, 50, 40), (50, 180, 60), (50, 70, 200))
_NOISE = 12
_BORDER = 1


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    """Draw the pictures and their masks into FOLDER."""
    write_shapes(folder)


def write_shapes(folder: Path) -> None:
    """Write ``images/N.png`` and ``masks/N.png``."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(PICTURES):
        for name, pixels in zip(("images", "masks"), picture(number), strict=True):
            with replacing(folder / name / f"{number}.png") as temporary:
                Image.fromarray(pixels).save(temporary, "PNG", optimize=True)


def picture(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture ``(height, width, 3)``, RGB, and its mask ``(height, width)``.

    One to three shapes on the ground, each of one colour with a little noise in steps of 4 pixels.
    The outline of a shape is ``IGNORED``, as in Pascal VOC. The same seed gives the same picture.
    """
    random = np.random.default_rng(seed)
    width, height = _SIDES[seed % len(_SIDES)]
    labels = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(labels)
    for place in random.permutation(3)[: random.integers(1, 4)].tolist():
        radius = int(random.integers(min(width, height) // 10, min(width, height) // 6 + 1))
        x = width * (2 * place + 1) // 6
        y = int(random.integers(radius + 2, height - radius - 2))
        box = (x - radius, y - radius, x + radius, y + radius)
        kind = int(random.integers(1, len(_COLOURS)))
        if kind == 1:
            draw.ellipse(box, fill=kind, outline=IGNORED, width=_BORDER)
        elif kind == 2:
            draw.rectangle(box, fill=kind, outline=IGNORED, width=_BORDER)
        else:
            corners = [(x, y - radius), (x + radius, y + radius), (x - radius, y + radius)]
            draw.polygon(corners, fill=kind, outline=IGNORED, width=_BORDER)
    mask = np.asarray(labels, np.uint8)
    table = np.zeros((IGNORED + 1, 3), np.int64)
    table[: len(_COLOURS)] = _COLOURS
    coarse = random.integers(-_NOISE, _NOISE + 1, (height // 4 + 1, width // 4 + 1, 1))
    noise = coarse.repeat(4, axis=0).repeat(4, axis=1)[:height, :width]
    return (table[mask] + noise).clip(0, 255).astype(np.uint8), mask


if __name__ == "__main__":
    main()
