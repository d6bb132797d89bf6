"""A file of lines, each an image's name and its class: ``val_map.txt``, or Caffe's ``val.txt``."""

import os
from pathlib import Path
from typing import Any

from loadscope.datasets.adapters.image_label.label_map import LABEL_MAP, read_label_map
from loadscope.datasets.adapters.image_label.labelled import LabelledImages

TITLE = "a file of names and classes"
_FILES = (LABEL_MAP, "val.txt")


def recognised(folder: Path) -> Path | None:
    """The file by which a folder is of this kind."""
    return next((folder / name for name in _FILES if os.path.lexists(folder / name)), None)


def read(form: Any, folder: Path, classes: int | None) -> LabelledImages:
    """Read the file; see ``ImageLabel.read``."""
    file = folder / form.file if form.file else recognised(folder) or folder / LABEL_MAP
    labelled = read_label_map(file, classes, form.counted_from)
    return LabelledImages(
        form.image_folder(folder, labelled[0].name),
        [entry.name for entry in labelled],
        [(entry.label,) for entry in labelled],
        file,
        [entry.line for entry in labelled],
    )
