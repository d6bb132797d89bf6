"""A data set in the layout of ImageNet's validation set."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.file_digests import file_digests
from loadscope.datasets.image_files import file_problem
from loadscope.datasets.label_map import LabelledImage, read_label_map
from loadscope.datasets.protocol import Answer, Progress, Score
from loadscope.datasets.selection import selected
from loadscope.datasets.top1 import score_top1
from loadscope.errors import InputError

LABEL_MAP = "val_map.txt"
IMAGE_FOLDER = "val"


class ImageNet:
    """Labelled photographs: ``val_map.txt`` with the images in ``val/`` or beside it.

    A ``Dataset``. The order of samples is that of the label map, as the official accuracy
    script takes it.

    Attributes:
        path: The folder of the label map.
        images: The folder that image names are relative to.
        names: The name of each sample, after the limit.
    """

    def __init__(
        self, path: Path, images: Path, entries: Sequence[LabelledImage], limit: int
    ) -> None:
        self.path = path
        self.images = images
        self.names: tuple[str, ...] = tuple(entry.name for entry in entries[:limit])
        self._labels = np.array([entry.label for entry in entries[:limit]], np.int64)
        self._full_size = len(entries)
        self._digests: tuple[str, ...] | None = None

    @classmethod
    def read(cls, path: Path, limit: int | None = None, classes: int = 1000) -> "ImageNet":
        """Read the label map and check that every image that it names is there.

        Images that the map does not name are left alone. The images are not decoded.

        Args:
            path: The folder with ``val_map.txt``.
            limit: Take only the first ones.
            classes: Labels must be below this number.

        Raises:
            InputError: The folder or the map is missing or malformed, an image that the map
                names is missing, empty or unreadable, or the limit is below 1 or above the
                number of images.
        """
        if not path.is_dir():
            raise InputError(
                f"there is no data set folder {path}",
                f"give a folder with {LABEL_MAP}; `loadscope datasets` tells where to get one",
            )
        label_map = path / LABEL_MAP
        entries = read_label_map(label_map, classes)
        if limit is not None and not 1 <= limit <= len(entries):
            raise InputError(
                f"a limit of {limit} samples does not fit {label_map}, which names {len(entries)}",
                f"choose 1 to {len(entries)}",
            )
        images = _image_folder(path, entries[0].name)
        _check_images(label_map, images, entries)
        return cls(path, images, entries, len(entries) if limit is None else limit)

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.names)

    def full_size(self) -> int:
        """How many images the label map names."""
        return self._full_size

    def labels(self) -> NDArray[np.int64]:
        """The class of each sample, counted from 0, shape ``(samples,)``."""
        return self._labels.copy()

    def digests(
        self, cache_root: Path | None = None, progress: Progress | None = None
    ) -> tuple[str, ...]:
        """The sha256 of each sample's file.

        Computed once, in parallel; with a cache folder, files that have not changed since an
        earlier run are not read again.

        Raises:
            InputError: An image cannot be read.
        """
        if self._digests is None:
            self._digests = tuple(file_digests(self.images, self.names, cache_root, progress))
        return self._digests

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over names, labels and the contents of every sample; see ``digests``."""
        whole = hashlib.sha256()
        digests = self.digests(cache_root, progress)
        for name, label, digest in zip(self.names, self._labels.tolist(), digests, strict=True):
            whole.update(f"{name} {label} {digest}\n".encode())
        return whole.hexdigest()

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """Top-1 accuracy; see ``score_top1``.

        Raises:
            WorkError: A sample is not answered, or with what is no class.
        """
        if among is None:
            return score_top1(answers, self._labels)
        chosen = sorted(set(among))
        return score_top1(selected(answers, chosen), self._labels[chosen])


def _image_folder(path: Path, first: str) -> Path:
    inner = path / IMAGE_FOLDER
    beside = not inner.is_dir() or (not (inner / first).exists() and (path / first).exists())
    return path if beside else inner


def _check_images(label_map: Path, images: Path, entries: Sequence[LabelledImage]) -> None:
    problems = [
        (entry, problem) for entry in entries if (problem := file_problem(images / entry.name))
    ]
    if problems:
        entry, problem = problems[0]
        raise InputError(
            f"{label_map}:{entry.line}: image {images / entry.name} {problem}"
            f" (unusable images in all: {len(problems)})",
            "restore the images, or remove their lines from the label map",
        )
