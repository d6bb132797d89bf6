"""The task on folders and on what is said of models."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from loadscope.datasets.adapters.image_mask import ImageMask
from loadscope.datasets.catalog import catalog_entry
from loadscope.datasets.declared import DeclaredModel, FileModel
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.datasets.playing import Masks
from loadscope.datasets.registry import task
from loadscope.datasets.semantic_segmentation.class_maps import ClassMapSpec, packed
from loadscope.datasets.semantic_segmentation.mean_iou import MEAN_IOU
from loadscope.datasets.semantic_segmentation.segmented import Segmented
from loadscope.datasets.task import Answer, DataSample
from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import TensorInfo
from loadscope.tools.generate.shapes import write_shapes

TASK = task("semantic-segmentation")
SQUASH = ImagePreprocess(
    geometry="squash", resampler="opencv-bilinear", size=8, short_side=8, mean=(0, 0, 0),
    std=(1, 1, 1),
)  # fmt: skip
IMAGE = TensorInfo("x", "float32", (3, 8, 8))


def shipped() -> Path:
    folder = catalog_entry("shapes-generated").shipped()
    assert folder is not None
    return folder


def test_an_answer_is_drawn_as_the_regions_of_its_classes() -> None:
    dataset = TASK.read(shipped(), 1, 4)
    answer = packed(np.array([[2, 2, 0], [2, 0, 0], [2, 2, 1]])).tobytes()
    (part,) = TASK.explain(dataset, [answer], [], ClassMapSpec(kind="argmax", output="y"))
    assert part.lines() == ["  55.6 %  class 2", "  33.3 %  class 0", "  11.1 %  class 1"]
    assert isinstance(part, Masks)
    assert (part.rows[2].x, part.rows[2].y) == (2.5 / 3, 2.5 / 3)
    with pytest.raises(WorkError, match="answered with 2 bytes"):
        TASK.explain(dataset, [b"12"], [], ClassMapSpec(kind="argmax", output="y"))


def write(folder: Path, labels: int = 1, mask: tuple[int, int] = (6, 4)) -> Path:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    Image.new("RGB", (6, 4), (9, 9, 9)).save(folder / "images" / "a.png")
    Image.new("L", mask, labels).save(folder / "masks" / "a.png")
    return folder


def prepare(folder: Path, cache: Path, classes: int = 3) -> Segmented:
    dataset = TASK.read(folder, None, classes)
    TASK.prepare(dataset, SQUASH, cache, lambda *_: None, 1)
    assert isinstance(dataset, Segmented)
    return dataset


def test_the_drawings_are_those_of_their_seeds(tmp_path: Path) -> None:
    write_shapes(tmp_path)
    names = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.png"))
    assert len(names) == 16
    for name in names:
        with Image.open(tmp_path / name) as made, Image.open(shipped() / name) as kept:
            assert np.array_equal(np.asarray(made), np.asarray(kept))


def test_the_drawings_show_all_their_classes() -> None:
    dataset = TASK.read(shipped(), None, 4)
    assert isinstance(dataset, Segmented) and len(dataset) == 8
    found = {int(value) for index in range(8) for value in np.unique(dataset.mask(index))}
    assert found == {0, 1, 2, 3, 255}
    right = [Answer(at, packed(np.where(dataset.mask(at) < 255, dataset.mask(at), 0)).tobytes())
             for at in range(8)]  # fmt: skip
    assert dataset.score(right).value == 100
    assert dataset.score(right, among=[5, 2]).samples == 2


def test_pascal_voc_is_read_without_being_named(tmp_path: Path) -> None:
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("b\na\n")
    for name in "abc":
        Image.new("RGB", (6, 4)).save(tmp_path / "JPEGImages" / f"{name}.jpg")
        Image.new("L", (6, 4), 7).save(tmp_path / "SegmentationClass" / f"{name}.png")
    dataset = TASK.read(tmp_path, None, 21)
    assert isinstance(dataset, Segmented)
    assert dataset.names == ("JPEGImages/b.jpg", "JPEGImages/a.jpg")
    assert (dataset.mask(0) == 7).all()


def test_images_alone_are_measured_and_not_scored(tmp_path: Path) -> None:
    Image.new("RGB", (6, 4)).save(tmp_path / "a.png")
    dataset = prepare(tmp_path, tmp_path / "cache")
    assert dataset.unscored == "no masks"
    with pytest.raises(WorkError, match="no masks, so there is no score"):
        dataset.score([])


def test_masks_are_part_of_the_digest(tmp_path: Path) -> None:
    digests = {TASK.read(write(tmp_path / str(label), label), None, 3).digest() for label in (0, 1)}
    assert len(digests) == 2


def test_masks_are_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "data")
    prepare(folder, tmp_path / "cache")
    monkeypatch.setattr(ImageMask, "classes", None)
    prepare(folder, tmp_path / "cache")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": 3}, r"masks/a\.png: class 3 is outside 0\.\.2"),
        ({"mask": (4, 6)}, r"a\.png has 4 x 6 pixels, its image 6 x 4"),
    ],
)
def test_a_mask_that_does_not_fit_is_bad_input(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    folder = write(tmp_path / "data", **changes)
    for _ in range(2):
        with pytest.raises(InputError, match=said):
            prepare(folder, tmp_path / "cache")


def test_a_folder_that_is_no_data_set_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no data set folder"):
        TASK.read(tmp_path / "none", None, 3)
    with pytest.raises(InputError, match="found neither images with masks nor an image"):
        TASK.read(tmp_path, None, 3)
    with pytest.raises(InputError, match=r"a limit of 2 samples does not fit .* has 1"):
        TASK.read(write(tmp_path / "data"), 2, 3)
    (tmp_path / "data" / "masks" / "a.png").unlink()
    with pytest.raises(InputError, match=r"masks/a\.png is missing"):
        TASK.read(tmp_path / "data", None, 3)


def test_an_answer_is_shown_by_its_largest_classes() -> None:
    dataset = TASK.read(shipped(), None, 4)
    answer = packed(np.array([[2, 2, 2, 0]], np.int32)).tobytes()
    shown = TASK.show(DataSample(dataset, 1), answer)
    assert shown.sample == shipped() / "images" / "1.png"
    assert shown.answer == "class 2 75.0 %, class 0 25.0 %"
    with pytest.raises(WorkError, match="sample 1 is answered with 2 bytes"):
        TASK.show(DataSample(dataset, 1), b"12")


@pytest.mark.parametrize(
    ("shape", "channels"),
    [
        ((21, 8, 8), "first"), ((8, 8, 21), "last"), ((21, 2, 2), "first"), ((21, 1, 1), "first"),
        ((1, 8, 8), None), ((3, 8, 8), None), ((3, 16, 16), None), ((21, 4, 2), None),
        ((1000,), None),
    ],
)  # fmt: skip
def test_a_file_is_of_the_task_by_its_map_of_scores(
    shape: tuple[int, ...], channels: str | None
) -> None:
    found = TASK.infer(FileModel([IMAGE], [TensorInfo("out", "float32", shape)]), None)
    assert (found and found.postprocess["channels"]) == channels
    if found:
        preprocess = ImagePreprocess(**found.preprocess)
        assert (preprocess.geometry, preprocess.short_side, preprocess.size) == ("squash", 8, 8)


def entry(**changes: Any) -> DeclaredModel:
    given: dict[str, Any] = {
        "classes": 4,
        "layout": "NCHW",
        "inputs": [IMAGE],
        "outputs": [TensorInfo("out", "float32", (4, 8, 8))],
        "preprocess": SQUASH,
        "postprocess": ClassMapSpec(kind="argmax", output="out"),
        "metric": MEAN_IOU,
    }
    return DeclaredModel(**{**given, **changes})


def test_an_entry_that_fits_has_no_misfit() -> None:
    assert list(TASK.check(entry())) == []
    assert TASK.classes(entry()) == 4


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"classes": 5}, "classes", "the output has 4 scores a pixel"),
        ({"layout": "NHWC"}, "inputs", "must be one image of shape"),
        (
            {
                "preprocess": ImagePreprocess(
                    geometry="resize-then-crop", resampler="opencv-bilinear", size=8,
                    short_side=8, mean=(0, 0, 0), std=(1, 1, 1),
                )
            },
            "preprocess",
            "must be geometry: squash",
        ),
        (
            {"postprocess": ClassMapSpec(kind="argmax", output="mask")},
            "outputs",
            "postprocess reads 'mask'",
        ),
        (
            {"outputs": [TensorInfo("out", "float32", (4,))]},
            "outputs.out",
            "not that of three axes",
        ),
        (
            {
                "outputs": [TensorInfo("out", "int64", (8, 8))],
                "postprocess": ClassMapSpec(kind="class-index", output="out"),
                "classes": 0,
            },
            "classes",
            "is missing",
        ),
    ],
)  # fmt: skip
def test_an_entry_that_does_not_fit_is_told(changes: dict[str, Any], place: str, said: str) -> None:
    found = list(TASK.check(entry(**changes)))
    assert [one.place for one in found] == [place]
    assert said in found[0].reason
