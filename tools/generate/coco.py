"""The data sets ``coco-generated*``: drawings, with a model's own answers for annotations.

Run by hand when the drawings or a golden model change:

    cd datasets/object_detection
    python -m loadscope.tools.generate.coco yolox-nano coco-generated
    python -m loadscope.tools.generate.coco yolox-nano-seeded coco-generated-seeded

What is scored on it is agreement with the golden answers, and is called that.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from loadscope.datasets.object_detection.coco import ANNOTATIONS, Coco
from loadscope.datasets.object_detection.coco_categories import CATEGORY_IDS, CATEGORY_NAMES
from loadscope.datasets.registry import task
from loadscope.files import replacing, write_json
from loadscope.paths import cache_root
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.backend import Artifact
from loadscope.sut.registry import open_backend
from loadscope.tools.generate.drawings import drawing

IMAGES = 24
_FRAMEWORK = "onnxruntime"
# Above the models' own thresholds, so that no golden box comes and goes with rounding.
_LEAST_SCORE = 0.3

Rows = NDArray[np.float32]


@click.command()
@click.argument("model")
@click.argument("folder", type=click.Path(path_type=Path))
def main(model: str, folder: Path) -> None:
    """Draw the images into FOLDER and have the float32 MODEL in ONNX answer for them."""
    entry = Catalogue.load().get(model)
    with progress_bars() as progress:
        artifact = materialise(model, entry, _FRAMEWORK, cache_root(), progress).artifact
    sizes = write_drawings(folder, model)
    write_json(
        folder / ANNOTATIONS, annotations(sizes, golden(folder, model, artifact.path), model)
    )


def write_drawings(folder: Path, model: str) -> list[tuple[int, int]]:
    """Write the images, PNG, and annotations without any box; give widths and heights."""
    (folder / "val2017").mkdir(parents=True, exist_ok=True)
    (folder / ANNOTATIONS).parent.mkdir(exist_ok=True)
    sizes = []
    for number in range(IMAGES):
        image = Image.fromarray(drawing(number))
        sizes.append(image.size)
        with replacing(folder / "val2017" / _name(number)) as temporary:
            image.save(temporary, "PNG", optimize=True)
    nothing = [np.empty((0, 7), np.float32)] * IMAGES
    write_json(folder / ANNOTATIONS, annotations(sizes, nothing, model))
    return sizes


def golden(folder: Path, model: str, onnx: Path) -> list[Rows]:
    """The model's boxes for each image that it is sure of, ``(boxes, 7)`` as in a payload."""
    chosen = Catalogue.load().get(model).artifact_for(_FRAMEWORK)
    inputs, outputs = chosen.entry.tensors("inputs"), chosen.entry.tensors("outputs")
    layout = chosen.entry.layout
    backend = open_backend(_FRAMEWORK)
    backend.load(Artifact(onnx, "onnx", inputs, outputs, layout, max_batch=1), 1)
    kind = task("object-detection")
    with tempfile.TemporaryDirectory() as cache:
        dataset = Coco.read(folder)
        prepared = kind.prepare(dataset, chosen.preprocess, Path(cache), lambda *_: None, 1)
        library = kind.library(prepared, chosen.preprocess, inputs, layout)
        library.load(range(len(library)))
        answer = kind.postprocess(chosen.postprocess, library)
        found = [
            np.asarray(answer(backend.predict(library.batch([index])), [index])[0])
            for index in range(len(library))
        ]
    return [rows[rows[:, 5] >= _LEAST_SCORE] for rows in found]


def annotations(
    sizes: Sequence[tuple[int, int]], boxes: Sequence[Rows], model: str
) -> dict[str, Any]:
    """The annotation file of images of these sizes with these golden boxes of a model."""
    images = [
        {"id": number + 1, "file_name": _name(number), "width": width, "height": height}
        for number, (width, height) in enumerate(sizes)
    ]
    entries: list[dict[str, Any]] = []
    for (width, height), rows in zip(sizes, boxes, strict=True):
        for index, top, left, bottom, right, _, category in rows.astype(np.float64).tolist():
            box = [left * width, top * height, (right - left) * width, (bottom - top) * height]
            entries.append(
                {
                    "id": len(entries) + 1,
                    "image_id": int(index) + 1,
                    "category_id": int(category),
                    "bbox": [round(number, 2) for number in box],
                }
            )
    return {
        "info": {"golden": f"{model} in ONNX Runtime, float32, boxes of {_LEAST_SCORE} and more"},
        "images": images,
        "categories": [
            {"id": int(number), "name": name}
            for number, name in zip(CATEGORY_IDS, CATEGORY_NAMES, strict=True)
        ],
        "annotations": entries,
    }


def _name(number: int) -> str:
    return f"{number:012d}.png"


if __name__ == "__main__":
    main()
