"""Drawings with a mask an object: `python -m loadscope.tools.generate.instances FOLDER`."""

import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from loadscope.files import write_json

PICTURES = 6
KINDS = ("circle", "square", "triangle")
COLOURS = ((90, 90, 90), (200, 50, 40), (50, 180, 60), (50, 70, 200))
"""Of the ground and of each kind, RGB."""

_SIDES = ((96, 72), (72, 96), (80, 80))


def picture(seed: int) -> "tuple[Image.Image, list[dict[str, Any]]]":
    """A picture, and its objects as annotations without numbers: at most one of each kind.

    Circles are given by run lengths, the others by polygons.
    """
    random = np.random.default_rng(seed)
    width, height = _SIDES[seed % len(_SIDES)]
    drawn = Image.new("RGB", (width, height), COLOURS[0])
    draw, objects = ImageDraw.Draw(drawn), []
    places = random.permutation(3).tolist()
    for kind in random.permutation(3)[: random.integers(1, 4)].tolist():
        radius = int(random.integers(min(width, height) // 9, min(width, height) // 6))
        place = places.pop()
        x, y = width * (2 * place + 1) // 6, int(random.integers(radius + 1, height - radius - 1))
        colour = COLOURS[kind + 1]
        if kind == 0:
            alone = Image.new("1", (width, height))
            for canvas, fill in ((draw, colour), (ImageDraw.Draw(alone), 1)):
                canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
            segmentation: Any = {"size": [height, width], "counts": _runs(np.asarray(alone))}
        else:
            corners = [(x - radius, y - radius), (x + radius, y - radius),
                       (x + radius, y + radius), (x - radius, y + radius)]  # fmt: skip
            if kind == 2:
                corners = [(x, y - radius), (x + radius, y + radius), (x - radius, y + radius)]
            draw.polygon(corners, fill=colour)
            # Corners of pixels, where the drawing names their middles.
            segmentation = [[float(at) + 0.5 for corner in corners for at in corner]]
        objects.append({"category_id": kind + 1, "segmentation": segmentation, "iscrowd": 0})
    return drawn, objects


def write_instances(folder: Path) -> None:
    """Write pictures and annotations in COCO's layout."""
    (folder / "val2017").mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(PICTURES):
        drawn, objects = picture(number)
        drawn.save(folder / "val2017" / f"{number}.png", "PNG", optimize=True)
        width, height = drawn.size
        images.append(
            {"id": number + 1, "file_name": f"{number}.png", "width": width, "height": height}
        )
        annotations += [
            {"id": len(annotations) + at, "image_id": number + 1, **one}
            for at, one in enumerate(objects, start=1)
        ]
    categories = [{"id": at, "name": name} for at, name in enumerate(KINDS, start=1)]
    write_json(
        folder / "annotations" / "instances_val2017.json",
        {"images": images, "categories": categories, "annotations": annotations},
    )


def _runs(mask: "np.ndarray[Any, np.dtype[np.bool_]]") -> list[int]:
    """Run lengths column by column, the first of zeros, as COCO has them."""
    groups = [(bool(value), len(list(run))) for value, run in groupby(mask.T.reshape(-1).tolist())]
    counts = [count for _, count in groups]
    return [0, *counts] if groups[0][0] else counts


if __name__ == "__main__":
    write_instances(Path(sys.argv[1]))
