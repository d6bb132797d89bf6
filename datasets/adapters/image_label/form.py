"""The settings of image + label, and which kind of labels a folder has."""

import importlib
import pkgutil
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from loadscope.datasets.adapters.adapter import Adapter, Found
from loadscope.datasets.adapters.image_label import kinds
from loadscope.datasets.adapters.image_label.kinds.class_folders import synsets
from loadscope.datasets.adapters.image_label.labelled import LabelledImages
from loadscope.errors import InputError

IMAGE_FOLDER = "val"
"""Where ImageNet's validation set has its images, beside the label map."""

SYNSETS = "imagenet-synsets"


@dataclass(frozen=True, kw_only=True)
class ImageLabel(Adapter):
    """How images and their classes lie in a folder.

    Attributes:
        adapter: The adapter's name.
        labels: The kind of labels, a module of ``kinds``; ``auto`` looks.
        file: The file that has the labels, or images with labels, from the folder on, or anywhere
            by its absolute path; empty for the usual name of the kind.
        images: The folder of images, relative; empty for ``val`` or the folder itself.
        columns: For a table: the column of the image and of the label, by ``image``, ``label``.
        class_map: The names of classes as labels or folders have them, in the order of the
            model's classes; ``imagenet-synsets`` for ImageNet's; ``numbers`` for names that are
            the classes. Empty: synsets where they are, otherwise the sorted names.
        counted_from: The number of the first class.
        present_only: Answers are chosen among the classes that the data set has, as the published
            figures of ImageNet-A and -R are.
    """

    adapter: Literal["image-label"] = "image-label"
    labels: str = "auto"
    file: str = ""
    images: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    class_map: tuple[str, ...] | Literal["", "imagenet-synsets", "numbers"] = ""
    counted_from: int = 0
    present_only: bool = False

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if self.labels != "auto" and self.labels not in known_kinds():
            raise ValueError(f"labels is '{self.labels}', not one of: {', '.join(known_kinds())}")
        if wrong := set(self.columns) - {"image", "label"}:
            raise ValueError(f"columns are of image and label, not of {min(wrong)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The class map as names; empty where there is none."""
        if self.class_map == SYNSETS:
            return tuple(synsets())
        return self.class_map if isinstance(self.class_map, tuple) else ()

    def read(self, folder: Path, classes: int | None) -> LabelledImages:
        """Find the images of a folder, and their classes; no image is opened.

        Args:
            folder: The data set's.
            classes: How many classes the model tells apart; None where any number will do.

        Raises:
            InputError: The folder is missing or malformed, or has labels of several kinds.
        """
        if not folder.is_dir():
            raise InputError(
                f"there is no data set folder {folder}",
                "give a folder with val_map.txt; `loadscope datasets` tells where to get one",
            )
        found: LabelledImages = self._kind(folder).read(self, folder, classes)
        if not self.present_only or found.labels is None:
            return found
        known = {label for labels in found.labels for label in labels}
        return replace(found, present=tuple(sorted(known)))

    def look(self, folder: Path, classes: int | None) -> Found:
        """See ``Adapter.look``."""
        kind, found = self._kind(folder), self.read(folder, classes)
        first = {"image": found.names[0]}
        if found.labels is None:
            said = ("no labels: performance alone",)
            return Found(kind.TITLE, len(found.names), None, first, said, labelled=False)
        first["label"] = " or ".join(map(str, found.labels[0])) or "none"
        known = {label for labels in found.labels for label in labels}
        unlabelled = sum(not labels for labels in found.labels)
        remarks = (f"{unlabelled} images without a label do not count",) if unlabelled else ()
        return Found(kind.TITLE, len(found.names), len(known), first, remarks, bool(known))

    def image_folder(self, folder: Path, first: str = "") -> Path:
        """The folder that image names are relative to.

        Args:
            folder: The data set's.
            first: An image's name, which tells where it could be either.

        Raises:
            InputError: ``images`` names no folder.
        """
        if self.images:
            inner = folder / self.images
            if not inner.is_dir():
                raise InputError(f"there is no folder {inner}", "correct images in the entry")
            return inner
        inner = folder / IMAGE_FOLDER
        if first and not (inner / first).exists() and (folder / first).exists():
            return folder
        return inner if inner.is_dir() else folder

    def _kind(self, folder: Path) -> Any:
        known = known_kinds()
        if self.labels != "auto":
            return known[self.labels]
        files = {
            name: file
            for name, kind in known.items()
            if (file := kind.recognised(folder)) is not None
        }
        if len(files) > 1:
            shown = ", ".join(f"{file.name} ({name})" for name, file in files.items())
            raise InputError(
                f"{folder} has labels of several kinds: {shown}",
                "keep one, or say which in an entry of --datasets FILE (form: labels)",
            )
        return known[next(iter(files), "class-folders")]


@cache
def known_kinds() -> dict[str, Any]:
    """The kinds of labels, by name: modules of ``kinds``.

    Each has ``TITLE``, ``recognised(folder)``, which gives the file by which it knows its own,
    and ``read(form, folder, classes)``.
    """
    return {
        module.name.replace("_", "-"): importlib.import_module(f"{kinds.__name__}.{module.name}")
        for module in pkgutil.iter_modules(kinds.__path__)
    }
