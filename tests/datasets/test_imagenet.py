import hashlib
import os
import struct
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.datasets.task import Answer, Dataset
from loadscope.errors import InputError, WorkError

MakeDataset = Callable[..., Path]


def test_a_folder_in_the_official_layout_is_read(make_dataset: MakeDataset) -> None:
    dataset = ImageNet.read(make_dataset(5))
    assert len(dataset) == dataset.full_size() == 5
    assert dataset.names[3] == "image_0003.JPEG"
    assert dataset.labels().dtype == np.int64
    assert dataset.labels().tolist() == [0, 1, 2, 3, 4]


def test_images_may_lie_beside_the_map(make_dataset: MakeDataset) -> None:
    folder = make_dataset(5)
    for image in (folder / "val").iterdir():
        image.rename(folder / image.name)
    assert ImageNet.read(folder).images == folder
    (folder / "val").rmdir()
    assert ImageNet.read(folder).images == folder


def test_names_may_have_folders(make_dataset: MakeDataset) -> None:
    folder = make_dataset(1)
    (folder / "val_map.txt").write_text("val/image_0000.JPEG 7\n")
    assert ImageNet.read(folder).images == folder


def test_images_that_the_map_does_not_name_are_left_alone(make_dataset: MakeDataset) -> None:
    folder = make_dataset(5)
    (folder / "val" / "more.JPEG").write_bytes(b"")
    assert len(ImageNet.read(folder)) == 5


def test_a_limit_takes_the_first_samples(make_dataset: MakeDataset) -> None:
    dataset = ImageNet.read(make_dataset(5), limit=2)
    assert len(dataset) == 2
    assert dataset.full_size() == 5
    assert dataset.names == ("image_0000.JPEG", "image_0001.JPEG")


@pytest.mark.parametrize("limit", [0, -1, 6])
def test_a_limit_that_does_not_fit_is_refused(make_dataset: MakeDataset, limit: int) -> None:
    with pytest.raises(InputError, match=f"limit of {limit} samples .* names 5"):
        ImageNet.read(make_dataset(5), limit=limit)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no data set folder .*/none"):
        ImageNet.read(tmp_path / "none")


def test_a_folder_without_map_and_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("none")
    with pytest.raises(InputError, match=r"found neither val_map\.txt nor an image"):
        ImageNet.read(tmp_path)


def test_a_map_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "val_map.txt").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"cannot read the label map .*val_map\.txt"):
        ImageNet.read(tmp_path)


def test_a_missing_image_is_refused_with_its_line_and_how_many(make_dataset: MakeDataset) -> None:
    folder = make_dataset(5)
    (folder / "val" / "image_0001.JPEG").unlink()
    (folder / "val" / "image_0003.JPEG").unlink()
    with pytest.raises(InputError) as caught:
        ImageNet.read(folder)
    assert f"{folder / 'val_map.txt'}:2: " in caught.value.message
    assert "image_0001.JPEG is missing" in caught.value.message
    assert "in all: 2" in caught.value.message


def test_images_beyond_the_limit_need_not_be_there(make_dataset: MakeDataset) -> None:
    folder = make_dataset(5)
    for number in (2, 3, 4):
        (folder / "val" / f"image_{number:04d}.JPEG").unlink()
    dataset = ImageNet.read(folder, limit=2)
    assert (len(dataset), dataset.full_size()) == (2, 5)
    with pytest.raises(InputError, match=r"val_map\.txt:3: .* in all: 1"):
        ImageNet.read(folder, limit=3)


@pytest.mark.parametrize(("listed", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_name_in_the_other_unicode_form_is_called_just_that(
    make_dataset: MakeDataset, listed: str, stored: str
) -> None:
    folder = make_dataset(1)
    forms = {form: unicodedata.normalize(form, "\N{LATIN SMALL LETTER E WITH ACUTE}t\u00e9.JPEG")
             for form in ("NFC", "NFD")}  # fmt: skip
    (folder / "val" / "image_0000.JPEG").rename(folder / "val" / forms[stored])
    (folder / "val_map.txt").write_text(f"{forms[listed]} 0\n")
    with pytest.raises(InputError) as caught:
        ImageNet.read(folder)
    assert (
        f"is missing: the file's name is in Unicode form {stored}, the data set names it in "
        f"{listed}" in caught.value.message
    )
    assert "the same name" in caught.value.fix


def test_a_name_in_letters_of_another_case_is_shown(make_dataset: MakeDataset) -> None:
    folder = make_dataset(1)
    (folder / "val" / "image_0000.JPEG").rename(folder / "val" / "IMAGE_0000.jpeg")
    with pytest.raises(InputError, match=r"is missing: there is 'IMAGE_0000\.jpeg'"):
        ImageNet.read(folder)


def test_an_empty_image_is_refused(make_dataset: MakeDataset) -> None:
    folder = make_dataset(5)
    (folder / "val" / "image_0002.JPEG").write_bytes(b"")
    with pytest.raises(InputError, match=r"val_map\.txt:3: .* is empty \(0 bytes\)"):
        ImageNet.read(folder)


def test_a_folder_in_an_images_place_is_refused(make_dataset: MakeDataset) -> None:
    folder = make_dataset(5)
    (folder / "val" / "image_0002.JPEG").unlink()
    (folder / "val" / "image_0002.JPEG").mkdir()
    with pytest.raises(InputError, match=r"image_0002\.JPEG is not a file"):
        ImageNet.read(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_an_image_without_permission_is_refused(make_dataset: MakeDataset) -> None:
    folder = make_dataset(5)
    (folder / "val" / "image_0002.JPEG").chmod(0)
    with pytest.raises(InputError, match="permission denied"):
        ImageNet.read(folder)


def test_a_link_that_leads_nowhere_is_refused(make_dataset: MakeDataset) -> None:
    folder = make_dataset(5)
    (folder / "val" / "image_0002.JPEG").unlink()
    (folder / "val" / "image_0002.JPEG").symlink_to("image_0002.JPEG")
    with pytest.raises(InputError, match=r"image_0002\.JPEG cannot be read: .*symbolic links"):
        ImageNet.read(folder)


def test_a_class_outside_the_models_range_is_refused(make_dataset: MakeDataset) -> None:
    with pytest.raises(InputError, match=r"val_map\.txt:5: class 4 is outside 0\.\.3"):
        ImageNet.read(make_dataset(5), classes=4)


def test_the_digests_are_those_of_the_files(make_dataset: MakeDataset) -> None:
    dataset = ImageNet.read(make_dataset(3))
    files = [(dataset.images / name).read_bytes() for name in dataset.names]
    assert dataset.digests() == tuple(hashlib.sha256(content).hexdigest() for content in files)


def test_the_digest_of_the_whole_depends_on_names_labels_and_contents(
    make_dataset: MakeDataset,
) -> None:
    folder = make_dataset(3)
    digests = {ImageNet.read(folder).digest()}
    (folder / "val_map.txt").write_text("image_0000.JPEG 0\nimage_0001.JPEG 1\nimage_0002.JPEG 9\n")
    digests.add(ImageNet.read(folder).digest())
    (folder / "val" / "image_0002.JPEG").rename(folder / "val" / "renamed.JPEG")
    (folder / "val_map.txt").write_text("image_0000.JPEG 0\nimage_0001.JPEG 1\nrenamed.JPEG 9\n")
    digests.add(ImageNet.read(folder).digest())
    (folder / "val" / "renamed.JPEG").write_bytes(b"other")
    digests.add(ImageNet.read(folder).digest())
    digests.add(ImageNet.read(folder, limit=2).digest())
    assert len(digests) == 5


def test_digests_are_remembered_between_runs(make_dataset: MakeDataset, tmp_path: Path) -> None:
    folder = make_dataset(3)
    hour_ago = time.time() - 3600
    for image in (folder / "val").iterdir():
        os.utime(image, (hour_ago, hour_ago))
    calls: list[int] = []
    for _ in range(2):
        dataset = ImageNet.read(folder)
        dataset.digests(tmp_path / "cache", lambda what, done, total: calls.append(done))
        dataset.digest()
    assert calls == [0, 3]


def answer(index: int, label: float) -> Answer:
    return Answer(index, struct.pack("<f", label))


def test_it_is_scored_against_its_labels(make_dataset: MakeDataset) -> None:
    dataset: Dataset = ImageNet.read(make_dataset(5), limit=4)
    score = dataset.score([answer(3, 3), answer(0, 0), answer(1, 1), answer(2, 9)])
    assert score.line == "accuracy=75.000%, good=3, total=4"


def test_a_sample_beyond_the_limit_is_no_answer(make_dataset: MakeDataset) -> None:
    dataset = ImageNet.read(make_dataset(5), limit=1)
    with pytest.raises(WorkError, match="sample 1 is not among the 1 samples"):
        dataset.score([answer(0, 0), answer(1, 1)])
