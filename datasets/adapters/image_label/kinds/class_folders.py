"""A folder of images without a label map: in a folder for each class, or without labels."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadscope.datasets.adapters.image_label.label_map import LABEL_MAP, name_problem
from loadscope.datasets.adapters.image_label.labelled import LabelledImages, checked, numbered
from loadscope.datasets.images.image_files import (
    folders_and_images,
    is_image,
    refuse_folder,
)
from loadscope.errors import InputError

TITLE = "images in folders of their classes, or without labels"

_Found = list[tuple[str, int | None]]
"""Names relative to the folder, and classes counted from 0; None where there are no labels."""


@functools.cache
def synsets() -> dict[str, int]:
    """The class of each of ImageNet's 1000 synsets (``n01440764`` is 0), the official order.

    Source: the list of ILSVRC 2012, whose order is that of the names.
    """
    text = Path(__file__).with_name("imagenet_synsets.txt").read_text("ascii")
    return {name: number for number, name in enumerate(text.split())}


def recognised(folder: Path) -> Path | None:
    """None: this is the kind of a folder that no file of labels tells of."""
    return None


def read(form: Any, folder: Path, classes: int | None) -> LabelledImages:
    """Read a folder; see ``ImageLabel.read`` and ``find_images``."""
    images = form.image_folder(folder)
    found = find_images(images, classes, form.names, form.class_map == "numbers")
    labels = [(label,) for _, label in found if label is not None]
    names = [name for name, _ in found]
    return LabelledImages(images, names, labels or None, images)


def find_images(
    folder: Path, classes: int | None, class_map: tuple[str, ...] = (), numbers: bool = False
) -> _Found:
    """Look for the images of a folder.

    Folders in it stand for classes. Where all are called by ImageNet's synsets and the model knows
    ImageNet's classes, each has its official number, and not all need be there; otherwise they
    are numbered in the order of their names, as training scripts do, and each class must have a
    folder, which may be empty. Images that lie in no folder have no labels. Names that begin with
    a dot, and files that are no images, are passed over.

    Samples are in the order of their files' names, so that the first ones are not all of one
    class; ImageNet's validation set comes in its official order.

    Args:
        folder: The folder.
        classes: How many classes the model tells apart; None where any number will do.
        class_map: The folders' names in the order of classes; not all need be there.
        numbers: Folders are named by the numbers of classes.

    Raises:
        InputError: There is no image, the folders do not fit the classes, their order is not
            certain, or images lie beside them.
    """
    folders, beside = folders_and_images(folder)
    if not folders:
        found: _Found = [(name, None) for name in beside]
    elif beside:
        raise InputError(
            f"{folder} has folders ({folders[0]} …) and {len(beside)} image(s) beside them "
            f"({beside[0]} …)",
            f"put every image into the folder of its class, or name classes in {LABEL_MAP}",
        )
    else:
        class_of = _numbers(folder, folders, classes, class_map, numbers)
        found = [
            (f"{name}/{image}", number)
            for name, number in class_of.items()
            for image in _images(folder / name)
        ]
        found.sort(key=lambda entry: (entry[0].rpartition("/")[2], entry[0]))
    if not found:
        raise InputError(
            f"{folder}: found neither {LABEL_MAP} nor an image",
            f"give a folder with {LABEL_MAP}, with a folder of images for each class, or with "
            "images alone; `loadscope datasets` tells where to get one",
        )
    for name, _ in found:
        if problem := name_problem(name):
            raise InputError(f"{folder}: image name {name!r} {problem}", "rename the file")
    return found


def _numbers(
    folder: Path, names: list[str], classes: int | None, class_map: tuple[str, ...], numbers: bool
) -> dict[str, int]:
    official = synsets()
    if numbers:
        if wrong := [name for name in names if not name.isdecimal()]:
            raise InputError(f"{folder}: folder {wrong[0]} is no number", "correct class_map")
        return {name: checked(int(name), classes, f"{folder}/{name}") for name in names}
    if class_map:
        known = numbered(names, class_map, str(folder))
        return {name: checked(known[name], classes, f"{folder}/{name}") for name in names}
    if classes is None:
        classes = len(official) if all(name in official for name in names) else len(names)
    if classes == len(official) and all(name in official for name in names):
        return {name: official[name] for name in names}
    if len(names) != classes:
        raise InputError(
            f"{folder} has {len(names)} folders of classes, the model tells {classes} apart",
            f"have a folder for every class, an empty one where there is no image; or name "
            f"classes in {LABEL_MAP}; or put the images into one folder, to run without labels",
        )
    if all(name.isdecimal() for name in names) and names != sorted(names, key=int):
        raise InputError(
            f"{folder}: folders named by numbers of unlike length ({names[0]}, {names[1]}, "
            f"{names[2]} …) have another order as names than as numbers",
            f"fill them up with zeros (001, 002), or name classes in {LABEL_MAP}",
        )
    return {name: number for number, name in enumerate(names)}


def _images(folder: Path) -> Iterator[str]:
    """The images of a class, also those in folders of its own."""
    for here, inner, names in os.walk(folder, onerror=refuse_folder, followlinks=True):
        inner[:] = [name for name in inner if not name.startswith(".")]
        for name in names:
            if is_image(name):
                yield Path(here, name).relative_to(folder).as_posix()
