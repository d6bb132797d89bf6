from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.adapters.image_label.kinds.class_folders import synsets
from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.datasets.task import Answer
from loadscope.errors import InputError, WorkError

LayOut = Callable[..., Path]


@pytest.fixture
def lay_out(tmp_path: Path, photograph: Callable[[int, int, int], bytes]) -> LayOut:
    """Write a photograph under each name; gives the folder."""

    def make(*names: str, empty: tuple[str, ...] = ()) -> Path:
        for number, name in enumerate(names):
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(photograph(number, 20, 30))
        for name in empty:
            (tmp_path / "data" / name).mkdir(parents=True)
        return tmp_path / "data"

    return make


def labels(dataset: ImageNet) -> dict[str, int]:
    return dict(zip(dataset.names, dataset.labels().tolist(), strict=True))


def test_synsets_are_in_the_official_order() -> None:
    # Tench, great white shark, golden retriever and toilet tissue.
    chosen = ("n01440764", "n01484850", "n02099601", "n15075141")
    assert [synsets()[name] for name in chosen] == [0, 2, 207, 999]
    assert len(synsets()) == 1000


def test_folders_named_by_synsets_have_their_official_classes(lay_out: LayOut) -> None:
    folder = lay_out("val/n02099601/0000.JPEG", "val/n01440764/0001.JPEG", "val/.x/0002.JPEG")
    dataset = ImageNet.read(folder)
    assert labels(dataset) == {"n02099601/0000.JPEG": 207, "n01440764/0001.JPEG": 0}
    assert dataset.unscored == ""


def test_other_folders_are_classes_in_the_order_of_their_names(lay_out: LayOut) -> None:
    folder = lay_out("dog/b.png", "cat/c.jpg", "cat/deep/a.jpg", "ant/notes.txt")
    dataset = ImageNet.read(folder, classes=3)
    assert labels(dataset) == {"cat/deep/a.jpg": 1, "dog/b.png": 2, "cat/c.jpg": 1}
    assert list(labels(dataset)) == ["cat/deep/a.jpg", "dog/b.png", "cat/c.jpg"]


def test_the_first_samples_are_of_several_classes(lay_out: LayOut) -> None:
    folder = lay_out(*(f"{name}/{number}.jpg" for name in ("a", "b") for number in range(3)))
    assert ImageNet.read(folder, 2, classes=2).names == ("a/0.jpg", "b/0.jpg")


@pytest.mark.parametrize(
    ("names", "empty", "classes", "reason"),
    [
        (("a/0.jpg", "b/0.jpg"), (), 3, "has 2 folders of classes, the model tells 3 apart"),
        (("n01440764/0.jpg",), (), 10, "has 1 folders of classes, the model tells 10 apart"),
        (("1/0.jpg", "2/0.jpg"), ("10",), 3, r"unlike length \(1, 10, 2 …\)"),
        (("a/0.jpg", "b.jpg"), (), 1, r"and 1 image\(s\) beside them \(b.jpg …\)"),
        ((), ("a", "b"), 2, "found neither val_map.txt nor an image"),
    ],
)
def test_folders_that_do_not_say_the_classes_are_refused(
    lay_out: LayOut, names: tuple[str, ...], empty: tuple[str, ...], classes: int, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        ImageNet.read(lay_out(*names, empty=empty), classes=classes)


def test_images_alone_are_samples_without_a_score(lay_out: LayOut) -> None:
    dataset = ImageNet.read(lay_out("b.JPEG", "a.png"))
    assert dataset.names == ("a.png", "b.JPEG")
    assert dataset.unscored == "no labels"
    digest = dataset.digest()
    assert digest != ImageNet.read(lay_out(), 1).digest()
    answers = [Answer(index, np.zeros(1, "<f4").tobytes()) for index in range(2)]
    for among in (None, [0]):
        with pytest.raises(WorkError, match="no labels, so there is no score"):
            dataset.score(answers, among=among)


def test_an_empty_image_without_a_map_is_refused(lay_out: LayOut) -> None:
    folder = lay_out("b.JPEG", "a.png")
    (folder / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.png is empty"):
        ImageNet.read(folder)
