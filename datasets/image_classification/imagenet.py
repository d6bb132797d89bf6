"""Photographs to be classified, in the layout of ImageNet's validation set or in folders."""

import hashlib
import os
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.file_digests import file_digests
from loadscope.datasets.image_classification.class_folders import Found, find_images
from loadscope.datasets.image_classification.label_map import LABEL_MAP, read_label_map
from loadscope.datasets.image_classification.top_classes import score_top
from loadscope.datasets.images.image_files import require_images
from loadscope.datasets.selection import selected
from loadscope.datasets.task import Answer, AnswerForm, Progress, Score
from loadscope.errors import InputError, WorkError

IMAGE_FOLDER = "val"
_NO_LABELS = "no labels"


class ImageNet:
    """Photographs: ``val_map.txt`` with the images in ``val/`` or beside it, or images alone.

    A ``Dataset``. The order of samples is that of the label map, as the official accuracy
    script takes it. Without a map the images are those of ``class_folders.find_images``.

    Attributes:
        path: The folder of the label map.
        images: The folder that image names are relative to.
        names: The name of each sample, after the limit.
        answer_form: What the metric asks for.
        unscored: ``no labels`` where there are none.
    """

    def __init__(
        self, path: Path, images: Path, entries: Found, limit: int, metric: str = "top-1"
    ) -> None:
        self.path = path
        self.images = images
        self.names: tuple[str, ...] = tuple(name for name, _ in entries[:limit])
        labels = [label for _, label in entries[:limit] if label is not None]
        self.unscored = "" if labels else _NO_LABELS
        self.answer_form = AnswerForm(metric=metric)
        self._labels = np.array(labels, np.int64)
        self._full_size = len(entries)
        self._digests: tuple[str, ...] | None = None

    @classmethod
    def read(
        cls,
        path: Path,
        limit: int | None = None,
        classes: int = 1000,
        metric: str = "top-1",
        labels: Path | None = None,
    ) -> "ImageNet":
        """Find the images, and check that every one that is to be used is there.

        Images that the map does not name, and those beyond the limit, are left alone. The images
        are not decoded.

        Args:
            path: The folder with ``val_map.txt``, or with images.
            limit: Take only the first ones.
            classes: Labels must be below this number.
            metric: What it is scored by.
            labels: The label map, where it is not in the folder.

        Raises:
            InputError: The folder is missing, the map malformed, the folders of classes are not
                those of the model, an image to be used is missing, empty or unreadable, or the
                limit is below 1 or above the number of images.
        """
        if not path.is_dir():
            raise InputError(
                f"there is no data set folder {path}",
                f"give a folder with {LABEL_MAP}; `loadscope datasets` tells where to get one",
            )
        label_map = labels or path / LABEL_MAP
        lines: list[int] = []
        entries: Found
        if labels is not None or os.path.lexists(label_map):
            labelled = read_label_map(label_map, classes)
            lines = [entry.line for entry in labelled]
            entries = [(entry.name, entry.label) for entry in labelled]
            images = _image_folder(path, entries[0][0])
        else:
            images = path / IMAGE_FOLDER if (path / IMAGE_FOLDER).is_dir() else path
            entries = find_images(images, classes)
        source = label_map if lines else images
        if limit is not None and not 1 <= limit <= len(entries):
            raise InputError(
                f"a limit of {limit} samples does not fit {source}, which names {len(entries)}",
                f"choose 1 to {len(entries)}",
            )
        dataset = cls(path, images, entries, limit or len(entries), metric)
        require_images(
            images,
            dataset.names,
            lambda at: f"{source}:{lines[at]}" if lines else str(source),
            "restore the images, or remove their lines from the label map"
            if lines
            else "restore the images, or remove them",
        )
        return dataset

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.names)

    def full_size(self) -> int:
        """How many images there are without a limit."""
        return self._full_size

    def labels(self) -> NDArray[np.int64]:
        """The class of each sample, counted from 0, shape ``(samples,)``, ``(0,)`` without any."""
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
        labels = self._labels.tolist() or ["-"] * len(self)
        for name, label, digest in zip(self.names, labels, digests, strict=True):
            whole.update(f"{name} {label} {digest}\n".encode())
        return whole.hexdigest()

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """Top-1 or top-5 accuracy; see ``score_top``.

        Raises:
            WorkError: A sample is not answered, or with what is no class; or there are no labels.
        """
        if self.unscored:
            raise WorkError(f"{self.path}: {self.unscored}, so there is no score")
        metric = self.answer_form.metric
        if among is None:
            return score_top(answers, self._labels, metric)
        chosen = sorted(set(among))
        return score_top(selected(answers, chosen), self._labels[chosen], metric)


def _image_folder(path: Path, first: str) -> Path:
    inner = path / IMAGE_FOLDER
    beside = not inner.is_dir() or (not (inner / first).exists() and (path / first).exists())
    return path if beside else inner
