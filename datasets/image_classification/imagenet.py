"""Photographs to be classified, in the layout of ImageNet's validation set or in folders."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from copy import copy
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.image_label import ImageLabel, LabelledImages
from loadscope.datasets.cache.file_digests import file_digests
from loadscope.datasets.cache.packed_files import is_packed
from loadscope.datasets.classes.top_classes import NO_CLASS, score_top
from loadscope.datasets.images.image_files import require_images
from loadscope.datasets.selection import selected
from loadscope.datasets.task import Answer, AnswerForm, Progress, Score
from loadscope.errors import InputError, WorkError

_NO_LABELS = "no labels"
_ANY = ImageLabel()


class ImageNet:
    """Images with their classes, or alone, in any form that ``ImageLabel`` reads.

    A ``Dataset``. The order of samples is that of the labels, as the official accuracy script
    takes it.

    Attributes:
        path: The folder of the data set.
        images: The folder that image names are relative to.
        names: The name of each sample, after the limit.
        answer_form: What the metric asks for.
        unscored: ``no labels`` where there are none.
    """

    def __init__(
        self, path: Path, found: LabelledImages, limit: int, metric: str = "top-1"
    ) -> None:
        self.path = path
        self.images = found.images
        self.names: tuple[str, ...] = tuple(found.names[:limit])
        self._labels = _array(found.labels[:limit] if found.labels is not None else [])
        self.unscored = "" if (self._labels != NO_CLASS).any() else _NO_LABELS
        self.answer_form = AnswerForm(metric=metric, among=found.present)
        self._full_size = len(found.names)
        self._digests: tuple[str, ...] | None = None

    @classmethod
    def read(
        cls,
        path: Path,
        limit: int | None = None,
        classes: int = 1000,
        metric: str = "top-1",
        form: ImageLabel = _ANY,
    ) -> "ImageNet":
        """Find the images, and check that every one that is to be used is there.

        Images that the labels do not name, and those beyond the limit, are left alone. The images
        are not decoded.

        Args:
            path: The folder.
            limit: Take only the first ones.
            classes: Labels must be below this number.
            metric: What it is scored by.
            form: How images and labels lie in it.

        Raises:
            InputError: The folder is missing, the labels are malformed or not those of the model,
                an image to be used is missing, empty or unreadable, or the limit is below 1 or
                above the number of images.
        """
        found = form.read(path, classes)
        total = len(found.names)
        if limit is not None and not 1 <= limit <= total:
            raise InputError(
                f"a limit of {limit} samples does not fit {found.source}, which names {total}",
                f"choose 1 to {total}",
            )
        dataset = cls(path, found, limit or total, metric)
        if not is_packed(dataset.names[0]):
            require_images(
                found.images,
                dataset.names,
                found.where,
                "restore the images, or remove their lines from the label map"
                if found.lines
                else "restore the images, or remove them",
            )
        return dataset

    def of_names(self, names: Sequence[str] | None, count: int) -> "ImageNet":
        """The images of some names, or as many as ``count`` spread evenly over all.

        Data sets of folders have the images of one class after the other.

        Args:
            names: Image names as the data set has them, or their last parts.
            count: How many, where no names are given; at most all.

        Raises:
            InputError: A name is not in the data set.
        """
        if names is None:
            places = [at * len(self) // count for at in range(count)]
        else:
            known = {PurePosixPath(name).name: at for at, name in enumerate(self.names)}
            known |= {name: at for at, name in enumerate(self.names)}
            if missing := [name for name in names if name not in known]:
                raise InputError(
                    f"{self.path} has no image '{missing[0]}' (names that it has not: "
                    f"{len(missing)} of {len(names)})",
                    "give the data set that the list is of",
                )
            places = [known[name] for name in names]
        some = copy(self)
        some.names = tuple(self.names[at] for at in places)
        some._labels = self._labels[places] if len(self._labels) else self._labels
        some._digests = None
        return some

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.names)

    def full_size(self) -> int:
        """How many images there are without a limit."""
        return self._full_size

    def labels(self) -> NDArray[np.int64]:
        """The class of each sample, counted from 0: ``(samples,)``, ``(0,)`` without any.

        Where several may be right ``(samples, most)``, filled up with ``NO_CLASS``.
        """
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


def _array(labels: Collection[tuple[int, ...]]) -> NDArray[np.int64]:
    most = max(map(len, labels), default=1)
    if most == 1 and all(labels):
        return np.array([label for (label,) in labels], np.int64)
    filled = [each + (NO_CLASS,) * (most - len(each)) for each in labels]
    return np.array(filled, np.int64).reshape(len(labels), most)
