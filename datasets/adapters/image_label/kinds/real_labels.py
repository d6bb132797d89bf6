"""ImageNet-ReaL: ``real.json`` beside ImageNet's validation images, any number of classes each."""

import json
from pathlib import Path
from typing import Any

from loadscope.datasets.adapters.image_label.labelled import LabelledImages, checked
from loadscope.datasets.images.image_files import folders_and_images
from loadscope.errors import InputError

TITLE = "ReaL labels"
_FILE = "real.json"


def recognised(folder: Path) -> Path | None:
    """None: the file lies beside ImageNet's own labels, so an entry has to ask for it."""
    return None


def read(form: Any, folder: Path, classes: int | None) -> LabelledImages:
    """Read the labels; see ``ImageLabel.read``. An image without any does not count.

    The file is a list of lists, in the order of the images' names (Beyer et al., 2020).
    """
    file = folder / (form.file or _FILE)
    try:
        given = json.loads(file.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}", "put it there") from error
    except ValueError as error:
        raise InputError(f"{file}: not JSON: {error}", "restore the file") from error
    images = form.image_folder(folder)
    _, names = folders_and_images(images)
    if not isinstance(given, list) or len(given) != len(names):
        count = len(given) if isinstance(given, list) else "no list of"
        raise InputError(
            f"{file} has labels of {count} images, {images} has {len(names)}",
            "use the whole validation set, its images in one folder",
        )
    labels = []
    for at, each in enumerate(given):
        if not isinstance(each, list) or not all(type(label) is int for label in each):
            raise InputError(f"{file}: entry {at} is no list of classes", "restore the file")
        labels.append(tuple(checked(label, classes, f"{file}: entry {at}") for label in each))
    return LabelledImages(images, names, labels, file)
