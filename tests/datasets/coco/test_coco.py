import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from loadscope.datasets.object_detection.coco import Coco
from loadscope.datasets.object_detection.coco_categories import (
    CATEGORY_IDS,
    CATEGORY_NAMES,
    class_ids,
)
from loadscope.datasets.object_detection.detection_preprocess import DetectionPreprocess
from loadscope.datasets.object_detection.task import ObjectDetection
from loadscope.datasets.task import DataSample
from loadscope.errors import InputError, WorkError

Content = dict[str, Any]
LayOut = Callable[[Content], Path]
SQUARE = DetectionPreprocess(
    geometry="letterbox-top-left", resampler="opencv-bilinear", size=32, colour="rgb"
)


def prepare(dataset: Coco, cache: Path) -> Path:
    return ObjectDetection().prepare(dataset, SQUARE, cache, lambda *_: None, 1)


def test_samples_are_in_the_order_of_the_annotations(lay_out: LayOut, content: Content) -> None:
    content["images"].reverse()
    assert Coco.read(lay_out(content), classes=2).names == ("2.png", "1.png", "0.png")


def test_a_photograph_is_shown_with_what_was_found(lay_out: LayOut, content: Content) -> None:
    dataset = Coco.read(lay_out(content), classes=2)
    number, name = next(iter(dataset.annotations.categories.items()))
    box = np.array([[0, 0.1, 0.1, 0.5, 0.5, 0.75, number]], "<f4")
    shown = ObjectDetection().show(DataSample(dataset, 0), box.tobytes())
    assert (shown.sample, shown.answer) == (dataset.images / dataset.names[0], f"{name} 0.75")
    assert ObjectDetection().show(DataSample(dataset, 0), b"").answer == "nothing"


def test_a_limit_takes_the_first(lay_out: LayOut, content: Content) -> None:
    dataset = Coco.read(lay_out(content), limit=2, classes=2)
    assert (len(dataset), dataset.full_size()) == (2, 3)


@pytest.mark.parametrize("limit", [0, 4])
def test_a_limit_that_does_not_fit_is_refused(
    lay_out: LayOut, content: Content, limit: int
) -> None:
    with pytest.raises(InputError, match=f"a limit of {limit} samples does not fit"):
        Coco.read(lay_out(content), limit=limit, classes=2)


def test_the_official_subset_is_found_in_its_own_folder(lay_out: LayOut, content: Content) -> None:
    folder = lay_out(content)
    (folder / "val2017").rename(folder / "val2017_safe")
    assert Coco.read(folder, classes=2).images == folder / "val2017_safe"


def test_a_folder_without_images_is_refused(lay_out: LayOut, content: Content) -> None:
    folder = lay_out(content)
    (folder / "val2017").rename(folder / "images")
    with pytest.raises(InputError, match="has no folder val2017 or val2017_safe"):
        Coco.read(folder, classes=2)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no data set folder"):
        Coco.read(tmp_path / "none")


def test_a_missing_image_is_named(lay_out: LayOut, content: Content) -> None:
    folder = lay_out(content)
    (folder / "val2017" / "1.png").unlink()
    with pytest.raises(InputError, match=r"images\[1\]: .*1.png is missing .*in all: 1"):
        Coco.read(folder, classes=2)


def test_an_image_behind_the_limit_may_be_missing(lay_out: LayOut, content: Content) -> None:
    folder = lay_out(content)
    (folder / "val2017" / "2.png").unlink()
    assert len(Coco.read(folder, limit=2, classes=2)) == 2


def test_another_number_of_categories_is_refused(lay_out: LayOut, content: Content) -> None:
    with pytest.raises(InputError, match="has 2 categories, the model tells 80 apart"):
        Coco.read(lay_out(content))


def test_the_digest_tells_of_a_moved_box(lay_out: LayOut, content: Content) -> None:
    folder = lay_out(content)
    before = Coco.read(folder, classes=2).digest()
    content["annotations"][0]["bbox"][0] = 2.5
    (folder / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    assert Coco.read(folder, classes=2).digest() != before


def test_the_digest_tells_of_a_changed_image(lay_out: LayOut, content: Content) -> None:
    folder = lay_out(content)
    before = Coco.read(folder, classes=2).digest()
    content_of = (folder / "val2017" / "1.png").read_bytes()
    (folder / "val2017" / "0.png").write_bytes(content_of)
    assert Coco.read(folder, classes=2).digest() != before


def encoded(pixels: np.ndarray[Any, Any], mode: str, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


COLOUR = np.full((20, 30, 3), (200, 100, 50), np.uint8)
DEEP = np.full((20, 30), 40_000, np.uint16)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (encoded(COLOUR, "L", "PNG"), (124, 124, 124)),
        (encoded(COLOUR, "CMYK", "TIFF"), (200, 100, 50)),
        (encoded(DEEP, "", "PNG"), (156, 156, 156)),
    ],
    ids=["grey", "CMYK", "16 bits"],
)
def test_unusual_images_become_8_bit_rgb(
    lay_out: LayOut, content: Content, tmp_path: Path, image: bytes, expected: tuple[int, ...]
) -> None:
    folder = lay_out(content)
    (folder / "val2017" / "0.png").write_bytes(image)
    prepared = prepare(Coco.read(folder, 1, 2), tmp_path / "cache")
    record = np.fromfile(prepared / "records.bin", np.uint8)[:-8].reshape(32, 32, 3)
    assert tuple(record[0, 0]) == expected


def test_an_image_that_does_not_decode_is_named(
    lay_out: LayOut, content: Content, tmp_path: Path
) -> None:
    folder = lay_out(content)
    image = folder / "val2017" / "1.png"
    image.write_bytes(image.read_bytes()[:200])
    with pytest.raises(InputError, match=r"1\.png does not decode"):
        prepare(Coco.read(folder, classes=2), tmp_path / "cache")


def turned(pixels: np.ndarray[Any, Any], orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(pixels, "", "JPEG", exif=exif)


def test_the_exif_orientation_is_left_alone_because_boxes_refer_to_stored_pixels(
    lay_out: LayOut, content: Content, tmp_path: Path
) -> None:
    folder = lay_out(content)
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :15] = 255
    (folder / "val2017" / "0.png").write_bytes(turned(pixels, 3))
    prepared = prepare(Coco.read(folder, 1, 2), tmp_path / "cache")
    record = np.fromfile(prepared / "records.bin", np.uint8)[:-8].reshape(32, 32, 3)
    assert record[0, 0, 0] > 200
    assert record[0, 30, 0] < 50


def test_annotations_of_an_upright_image_that_is_stored_turned_are_refused(
    lay_out: LayOut, content: Content, tmp_path: Path
) -> None:
    folder = lay_out(content)
    (folder / "val2017" / "1.png").write_bytes(turned(np.zeros((30, 20, 3), np.uint8), 6))
    with pytest.raises(InputError, match="has 20 x 30 pixels, the annotations say 30 x 20") as said:
        prepare(Coco.read(folder, classes=2), tmp_path / "cache")
    assert "EXIF" in said.value.fix


def test_an_image_of_another_size_than_annotated_is_refused(
    lay_out: LayOut, content: Content, tmp_path: Path
) -> None:
    content["images"][2]["width"] = 31
    with pytest.raises(InputError, match=r"2\.png has 30 x 20 pixels, the annotations say 31 x 20"):
        prepare(Coco.read(lay_out(content), classes=2), tmp_path / "cache")


def test_openimages_has_names_of_its_own(lay_out: LayOut, content: Content) -> None:
    folder = lay_out(content)
    annotations = folder / "annotations"
    (annotations / "instances_val2017.json").rename(annotations / "openimages-mlperf.json")
    (folder / "validation").mkdir()
    (folder / "val2017").rename(folder / "validation" / "data")
    assert Coco.read(folder, classes=2).images == folder / "validation" / "data"


def test_a_folder_without_annotations_and_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither annotations/instances_val2017\.json nor an im"):
        Coco.read(tmp_path)


@pytest.mark.parametrize("prefix", ["val2017/", "images/val2017/", "val2017_safe/"])
def test_a_file_name_may_begin_with_the_image_folder(
    lay_out: LayOut, content: Content, tmp_path: Path, prefix: str
) -> None:
    folder = lay_out(content)
    for image in content["images"]:
        image["file_name"] = prefix + image["file_name"]
    (folder / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    dataset = Coco.read(folder, classes=2)
    assert dataset.names == ("0.png", "1.png", "2.png")
    prepare(dataset, tmp_path / "cache")


def test_an_image_of_another_folder_is_not_taken_for_the_one_of_its_name(
    lay_out: LayOut, content: Content
) -> None:
    folder = lay_out(content)
    content["images"][1]["file_name"] = "train2017/1.png"
    (folder / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"images\[1\]: image .*train2017/1\.png is missing"):
        Coco.read(folder, classes=2)


@pytest.mark.parametrize(
    "change", ["no file", "no annotations", "crowds alone", "behind the limit"]
)
def test_images_without_boxes_are_samples_without_a_score(
    lay_out: LayOut, content: Content, tmp_path: Path, change: str
) -> None:
    folder = lay_out(content)
    file = folder / "annotations" / "instances_val2017.json"
    limit = None
    if change == "no annotations":
        del content["annotations"]
    elif change == "crowds alone":
        content["annotations"] = [{**box, "iscrowd": 1} for box in content["annotations"]]
    elif change == "behind the limit":
        content["images"].reverse()
        limit = 1
    file.write_text(json.dumps(content))
    if change == "no file":
        file.unlink()
    dataset = Coco.read(folder, limit, classes=2)
    assert dataset.unscored == "no boxes"
    assert len(dataset.digest()) == 64
    prepare(dataset, tmp_path / "cache")
    with pytest.raises(WorkError, match="no boxes, so there is no score"):
        dataset.score([])


COCO_NAMES = dict(zip(CATEGORY_IDS.astype(int).tolist(), CATEGORY_NAMES, strict=True))


@pytest.mark.parametrize(
    ("categories", "ids"),
    [
        ({0: "helmet", 1: "vest", 2: "person"}, (0, 1, 2)),
        ({10: "helmet", 11: "vest", 12: "person"}, (10, 11, 12)),
        ({7: "vest", 3: "helmet"}, (7, 3)),
        (COCO_NAMES, tuple(COCO_NAMES)),
        # COCO's own under other numbers and in another order, as converters write them.
        (dict(enumerate(sorted(CATEGORY_NAMES))), tuple(map(sorted(CATEGORY_NAMES).index,
                                                            CATEGORY_NAMES))),
        (dict(enumerate(name.title() for name in CATEGORY_NAMES)), tuple(range(80))),
    ],
)  # fmt: skip
def test_class_n_is_the_nth_category_of_the_file(
    categories: dict[int, str], ids: tuple[int, ...]
) -> None:
    assert class_ids(categories) == ids
