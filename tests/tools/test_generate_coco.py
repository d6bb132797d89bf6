import json
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.catalog import catalog_entry
from loadscope.datasets.images.image_decode import decode
from loadscope.datasets.object_detection.coco import ANNOTATIONS, Coco
from loadscope.tools.generate.coco import IMAGES, annotations, golden, write_drawings
from loadscope.tools.generate.drawings import drawing


def test_the_same_seed_gives_the_same_drawing() -> None:
    assert (drawing(3) == drawing(3)).all()


def test_different_seeds_give_different_drawings() -> None:
    assert drawing(0).shape == drawing(4).shape
    assert (drawing(0) != drawing(4)).any()


def test_drawings_become_a_data_set_that_can_be_read(tmp_path: Path) -> None:
    sizes = write_drawings(tmp_path, "yolox-nano")
    dataset = Coco.read(tmp_path)
    assert len(dataset) == len(sizes) == IMAGES
    assert decode(dataset.images / dataset.names[2]).tolist() == drawing(2).tolist()


def test_rows_of_a_payload_become_boxes_in_pixels() -> None:
    rows = np.array([[0, 0.1, 0.25, 0.5, 0.75, 0.9, 13]], np.float32)
    made = annotations([(400, 300)], [rows], "yolox-nano")
    assert made["annotations"] == [
        {"id": 1, "image_id": 1, "category_id": 13, "bbox": [100, 30, 200, 120]}
    ]
    assert {"id": 13, "name": "stop sign"} in made["categories"]


def shipped(name: str = "coco-generated") -> Path:
    folder = catalog_entry(name).shipped()
    assert folder is not None
    return folder


@pytest.mark.parametrize(
    ("name", "model"),
    [("coco-generated", "yolox-nano"), ("coco-generated-seeded", "yolox-nano-seeded")],
)
def test_a_shipped_data_set_is_whole_and_says_whose_answers_are_golden(
    name: str, model: str
) -> None:
    dataset = Coco.read(shipped(name))
    assert len(dataset) == catalog_entry(name).samples == IMAGES
    assert dataset.annotations.golden.split()[0] == model
    assert len(dataset.annotations.boxes) >= IMAGES


def test_the_shipped_images_are_the_drawings() -> None:
    dataset = Coco.read(shipped())
    for seed in (0, IMAGES - 1):
        image = decode(dataset.images / dataset.names[seed]).astype(int)
        # Another version of OpenCV may set a pixel of an edge elsewhere.
        assert np.abs(image - drawing(seed)).mean() < 1


@pytest.mark.real_data
def test_the_shipped_annotations_are_the_models_own(real_data: Path) -> None:
    pytest.importorskip("onnxruntime")
    content = json.loads((shipped() / ANNOTATIONS).read_text())
    sizes = [(image["width"], image["height"]) for image in content["images"]]
    found = golden(shipped(), "yolox-nano", real_data / "models" / "yolox_nano.onnx")
    again = annotations(sizes, found, "yolox-nano")["annotations"]
    assert len(again) == len(content["annotations"])
    for fresh, kept in zip(again, content["annotations"], strict=True):
        assert fresh["category_id"] == kept["category_id"]
        assert fresh["bbox"] == pytest.approx(kept["bbox"], abs=0.5)
