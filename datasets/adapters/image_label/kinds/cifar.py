"""The binary version of CIFAR-10 and CIFAR-100: a label or two, then the planes of a picture."""

from pathlib import Path
from typing import Any

from loadscope.datasets.adapters.image_label.labelled import LabelledImages, checked
from loadscope.datasets.cache.packed_files import CIFAR_LABELS, cifar_rows, packed_name
from loadscope.errors import InputError

TITLE = "CIFAR binary files"
_TESTS = {"test_batch.bin": "cifar10", "test.bin": "cifar100"}
# Further files that only the set of that name has.
_TRAINING = {"train.bin": "cifar100"}


def recognised(folder: Path) -> Path | None:
    """The file by which a folder is of this kind."""
    return next((folder / name for name in _TESTS if (folder / name).is_file()), None)


def read(form: Any, folder: Path, classes: int | None) -> LabelledImages:
    """Read the labels; see ``ImageLabel.read``. Of CIFAR-100 they are the fine ones."""
    file = folder / form.file if form.file else recognised(folder)
    if file is None or not file.is_file():
        raise InputError(
            f"{file or folder}: no file of CIFAR's binary version found",
            f"give a folder with {' or '.join(_TESTS)}",
        )
    kind = {**_TESTS, **_TRAINING}.get(file.name, "cifar10")
    rows = cifar_rows(file, kind)
    labels = rows[:, CIFAR_LABELS[kind] - 1].tolist()
    return LabelledImages(
        file.parent,
        [packed_name(file.name, kind, number) for number in range(len(rows))],
        [(checked(label, classes, f"{file}: picture {at}"),) for at, label in enumerate(labels)],
        file,
    )
