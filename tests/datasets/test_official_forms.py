"""Each data set of classes in the catalogue, on a small folder in its official form.

The folders have what lies beside the pictures in the official ones too. COCO's and SQuAD's forms
are tested with their tasks, volumes in ``test_adapters.py``.
"""

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.catalog import catalog
from loadscope.datasets.registry import task
from loadscope.datasets.task import Answer
from loadscope.errors import InputError

Photograph = Callable[[int, int, int], bytes]


def photographs(folder: Path, photograph: Photograph, *names: str) -> None:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(photograph(number, 20, 30))


def imagenet(folder: Path, photograph: Photograph) -> list[int]:
    names = [f"ILSVRC2012_val_0000000{number}.JPEG" for number in (1, 2, 3)]
    photographs(folder / "val", photograph, *names)
    (folder / "val_map.txt").write_text("".join(f"{name} {65 + 900 * at % 1000}\n"
                                                for at, name in enumerate(names)))  # fmt: skip
    return [65, 965, 865]


def imagenet_v2(folder: Path, photograph: Photograph) -> list[int]:
    photographs(folder, photograph, "0/a.jpeg", "10/b.jpeg", "10/c.jpeg", "2/d.jpeg")
    return [0, 10, 10, 2]


def imagenet_real(folder: Path, photograph: Photograph) -> list[int]:
    names = [f"ILSVRC2012_val_0000000{number}.JPEG" for number in (1, 2, 3)]
    photographs(folder / "val", photograph, *names)
    (folder / "real.json").write_text(json.dumps([[65, 795], [970], []]))
    (folder / "val_map.txt").write_text("".join(f"{name} 1\n" for name in names))
    return [795, 970, 0]


def imagenet_a(folder: Path, photograph: Photograph) -> list[int]:
    """ImageNet-A and -R: the synsets of 200 classes, and a text beside them."""
    photographs(folder, photograph, "n01498041/0.000116_digital clock.jpg", "n01531178/a.jpg")
    (folder / "README.txt").write_text("n01498041 stingray\nn01531178 goldfinch\n")
    return [6, 11]


def sketch(folder: Path, photograph: Photograph) -> list[int]:
    photographs(folder, photograph, "n01440764/sketch_0.JPEG", "n15075141/sketch_9.JPEG")
    return [0, 999]


def mnist(folder: Path, photograph: Photograph) -> list[int]:
    for kind, labels in (("t10k", [7, 2, 1, 0]), ("train", [5, 0])):
        pictures = np.full((len(labels), 28, 28), 9, np.uint8)
        for name, array in (("images-idx3", pictures), ("labels-idx1", np.array(labels, "u1"))):
            head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape)
            path = folder / f"{kind}-{name}-ubyte.gz"
            path.write_bytes(gzip.compress(head + array.tobytes(), 1))
    return [7, 2, 1, 0]


def cifar_10(folder: Path, photograph: Photograph) -> list[int]:
    for name, labels in (("data_batch_1", [6, 9]), ("test_batch", [3, 8, 8])):
        (folder / f"{name}.bin").write_bytes(b"".join(bytes([one]) + bytes(3072) for one in labels))
    (folder / "batches.meta.txt").write_text("airplane\nautomobile\n")
    (folder / "readme.html").write_text("<html>")
    return [3, 8, 8]


def cifar_100(folder: Path, photograph: Photograph) -> list[int]:
    for name, labels in (("train", [(11, 19)]), ("test", [(10, 49), (19, 99)])):
        rows = [bytes([coarse, fine]) + bytes(3072) for coarse, fine in labels]
        (folder / f"{name}.bin").write_bytes(b"".join(rows))
    for kind in ("coarse", "fine"):
        (folder / f"{kind}_label_names.txt").write_text("apple\n")
    return [49, 99]


CLASSIFIED = {
    "imagenet": imagenet,
    "imagenet-v2": imagenet_v2,
    "imagenet-real": imagenet_real,
    "imagenet-a": imagenet_a,
    "imagenet-r": imagenet_a,
    "imagenet-sketch": sketch,
    "fashion-mnist": mnist,
    "mnist": mnist,
    "cifar-10": cifar_10,
    "cifar-100": cifar_100,
}


@pytest.mark.parametrize("name", CLASSIFIED)
def test_pictures_with_classes_are_read_and_scored(
    name: str, tmp_path: Path, photograph: Photograph
) -> None:
    labels = CLASSIFIED[name](tmp_path, photograph)
    entry = catalog()[name]
    kind = task(entry.task)
    dataset = kind.read(tmp_path, None, entry.classes or 0, form=entry.form)
    right = [Answer(at, np.array([label], "<f4").tobytes()) for at, label in enumerate(labels)]
    # Of ImageNet-ReaL's three images the last has no right class, and does not count.
    counted = 2 if name == "imagenet-real" else len(labels)
    score = dataset.score(right)
    assert (score.value, score.samples, score.metric.name) == (100.0, counted, "top-1")
    wrong = Answer(0, np.array([labels[0] + 1], "<f4").tobytes())
    assert dataset.score([wrong, *right[1:]]).value == pytest.approx(100 * (1 - 1 / counted))
    with pytest.raises(InputError, match=r"outside 0\.\.2|not in the class map|tells 3 apart"):
        kind.read(tmp_path, None, 3, form=entry.form)


def test_every_data_set_of_classes_has_its_form_here() -> None:
    known = {name for name, one in catalog().items() if one.task == "image-classification"}
    # The twenty photographs are laid out by the package itself.
    assert known - {"imagenet-sample20"} == set(CLASSIFIED)
