import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


def picture(path: Path, width: int, height: int, seed: int = 0) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def content() -> dict[str, Any]:
    """Annotations of three images of 30 x 20 pixels, the last without boxes."""
    return {
        "images": [
            {"id": 70 - number, "file_name": f"{number}.png", "width": 30, "height": 20}
            for number in range(3)
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}],
        "annotations": [
            {"id": 1, "image_id": 70, "category_id": 1, "bbox": [2, 3, 10, 8], "area": 60},
            {"id": 2, "image_id": 70, "category_id": 3, "bbox": [15, 5, 10, 10], "iscrowd": 0},
            {"id": 3, "image_id": 69, "category_id": 3, "bbox": [0.5, 0.5, 20, 15.5]},
        ],
    }


@pytest.fixture
def lay_out(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Writes annotations and an image for each entry that names one; gives the folder."""

    def make(content: dict[str, Any]) -> Path:
        folder = tmp_path / "coco"
        (folder / "val2017").mkdir(parents=True)
        (folder / "annotations").mkdir()
        for number, image in enumerate(content["images"]):
            picture(folder / "val2017" / image["file_name"], 30, 20, number)
        (folder / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
        return folder

    return make
