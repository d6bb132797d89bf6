"""IDX files, as MNIST and Fashion-MNIST have them: pictures in one file, labels in another."""

import re
from pathlib import Path
from typing import Any

from loadscope.datasets.adapters.image_label.labelled import LabelledImages, checked
from loadscope.datasets.cache.packed_files import idx_array, packed_name
from loadscope.errors import InputError

TITLE = "IDX files"
_PICTURES = re.compile(r"(.*)images[-.]idx3-ubyte(\.gz)?")


def recognised(folder: Path) -> Path | None:
    """The pictures' file by which a folder is of this kind, the test set's before another."""
    found = sorted(path for path in folder.iterdir() if _PICTURES.fullmatch(path.name))
    tests = [path for path in found if path.name.startswith("t10k")]
    return next(iter(tests or found), None)


def read(form: Any, folder: Path, classes: int | None) -> LabelledImages:
    """Read the labels; see ``ImageLabel.read``."""
    pictures = folder / form.file if form.file else recognised(folder)
    if pictures is None or not pictures.is_file():
        raise InputError(
            f"{pictures or folder}: no pictures in IDX form found",
            "give a folder with t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz",
        )
    numbers = range(len(_array(pictures, 3)))
    names = [packed_name(pictures.name, "idx", number) for number in numbers]
    file = _labels_of(pictures)
    if file is None:
        return LabelledImages(pictures.parent, names, None, pictures)
    labels = _array(file, 1).tolist()
    if len(labels) != len(names):
        raise InputError(
            f"{file} has {len(labels)} labels, {pictures.name} {len(names)} pictures",
            "restore both files from one download",
        )
    found = [
        (checked(label - form.counted_from, classes, f"{file}: label {at}"),)
        for at, label in enumerate(labels)
    ]
    return LabelledImages(pictures.parent, names, found, pictures)


def _labels_of(pictures: Path) -> Path | None:
    name = pictures.name.replace("images", "labels").replace("idx3", "idx1")
    for each in (name, name.removesuffix(".gz"), f"{name}.gz"):
        if (pictures.parent / each).is_file():
            return pictures.parent / each
    return None


def _array(path: Path, axes: int) -> Any:
    try:
        array = idx_array(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "make it readable") from error
    if array.ndim != axes or not len(array):
        raise InputError(
            f"{path}: expected {axes} axes, got shape {list(array.shape)}",
            "give the data set's own file",
        )
    return array
