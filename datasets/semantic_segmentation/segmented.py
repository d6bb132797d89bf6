"""Photographs with a mask each, as a data set."""

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.image_mask import ImageMask
from loadscope.datasets.cache.file_digests import file_digests
from loadscope.datasets.images.image_files import folders_and_images, require_images
from loadscope.datasets.selection import selected
from loadscope.datasets.semantic_segmentation.mean_iou import IGNORED, score_maps
from loadscope.datasets.task import PLAIN, Answer, Progress, Score
from loadscope.errors import InputError, WorkError
from loadscope.files import replacing

_NO_MASKS = "no masks"
_READ = "reading masks"


class Segmented:
    """Images with masks in a form that ``ImageMask`` reads, or images alone.

    A ``Dataset``. The order of samples is that of the form's list, or of the images' names.

    Attributes:
        path: The folder of the data set.
        images: The folder that names are relative to: ``path``.
        names: The name of each sample's image, after the limit.
        answer_form: Answers are the model's own classes.
        unscored: ``no masks`` where images lie alone.
    """

    answer_form = PLAIN

    def __init__(
        self, path: Path, names: tuple[str, ...], masks: tuple[str, ...], full: int, classes: int,
        form: ImageMask | None,
    ) -> None:  # fmt: skip
        self.path = self.images = path
        self.names = names
        self.unscored = "" if masks else _NO_MASKS
        self._masks = masks
        self._full_size = full
        self._classes = classes
        self._form = form
        self._digests: tuple[str, ...] | None = None

    @classmethod
    def read(
        cls, path: Path, limit: int | None, classes: int, forms: Iterable[ImageMask]
    ) -> "Segmented":
        """Find images and masks, and check that those to be used are there; none is decoded.

        Args:
            path: The folder.
            limit: Take only the first ones.
            classes: How many the model tells apart.
            forms: How they may lie in it; the first one whose folders are there is taken, and
                without any the folder holds images alone.

        Raises:
            InputError: The folder, an image or a mask is missing, empty or unreadable, or the
                limit is below 1 or above the number of images.
        """
        if not path.is_dir():
            raise InputError(
                f"there is no data set folder {path}",
                "give a folder of images and masks; `loadscope datasets` tells where to get one",
            )
        known = tuple(forms)
        form = next((each for each in known if _fits(each, path)), None)
        if form is None and len(known) == 1:
            form = known[0]
        pairs = form.read(path) if form else tuple((one, None) for one in _alone(path))
        total = len(pairs)
        if limit is not None and not 1 <= limit <= total:
            raise InputError(
                f"a limit of {limit} samples does not fit {path}, which has {total}",
                f"choose 1 to {total}",
            )
        taken = pairs[:limit]
        names = tuple(image.relative_to(path).as_posix() for image, _ in taken)
        masks = tuple(mask.relative_to(path).as_posix() for _, mask in taken if mask)
        require_images(path, names, lambda at: f"{path}: sample {at}", "restore the images")
        return cls(path, names, masks, total, classes, form)

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.names)

    def full_size(self) -> int:
        """How many images there are without a limit."""
        return self._full_size

    def digests(
        self, cache_root: Path | None = None, progress: Progress | None = None
    ) -> tuple[str, ...]:
        """The sha256 of each sample's image; see ``ImageNet.digests``.

        Raises:
            InputError: An image cannot be read.
        """
        if self._digests is None:
            self._digests = tuple(file_digests(self.path, self.names, cache_root, progress))
        return self._digests

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over names, form, and the contents of every image and mask."""
        whole = hashlib.sha256(f"{self._form}\n".encode())
        digests = self.digests(cache_root, progress)
        masks = ["-"] * len(self)
        if self._masks:
            masks = file_digests(self.path, self._masks, cache_root, progress)
        for name, image, mask in zip(self.names, digests, masks, strict=True):
            whole.update(f"{name} {image} {mask}\n".encode())
        return whole.hexdigest()

    def mask(self, index: int) -> NDArray[np.uint8]:
        """The class of each pixel of a sample, ``(height, width)``, 255 where it does not count.

        Raises:
            InputError: It does not decode, or has colours instead of classes.
            WorkError: There are no masks.
        """
        if self._form is None:
            raise WorkError(f"{self.path}: {self.unscored}, so there is no score")
        return self._form.classes(self.path / self._masks[index])

    def require_masks(self, prepared: Path, cache_root: Path, progress: Progress) -> None:
        """Check once that each mask has its image's size and the model's classes.

        Args:
            prepared: The folder of the sample cache, which keeps that they were checked.
            cache_root: For the digests of files.
            progress: Told how many masks are done.

        Raises:
            InputError: One has not, or cannot be read.
        """
        if not self._masks:
            return
        # Decoding takes Pillow, which the measured process has no use for.
        from PIL import Image

        checked = prepared / f"masks-{self.digest(cache_root, progress)[:32]}-{self._classes}.ok"
        if checked.exists():
            return
        for index, name in enumerate(self.names):
            with Image.open(self.path / name) as image:
                width, height = image.size
            mask, path = self.mask(index), self.path / self._masks[index]
            if mask.shape != (height, width):
                raise InputError(
                    f"{path} has {mask.shape[1]} x {mask.shape[0]} pixels, its image "
                    f"{width} x {height}",
                    "restore both from the data set's archive",
                )
            counted = mask[mask != IGNORED]
            if counted.size and counted.max() >= self._classes:
                raise InputError(
                    f"{path}: class {counted.max()} is outside 0..{self._classes - 1}, the model's",
                    "give class_of, offset or ignore in the data set's form, or take a model of "
                    "its classes",
                )
            progress(_READ, index + 1, len(self))
        with replacing(checked) as temporary:
            temporary.touch()

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """Mean intersection over union; see ``score_maps``.

        Raises:
            WorkError: A sample is not answered, or with what is no map of classes; or there are
                no masks.
        """
        if self.unscored:
            raise WorkError(f"{self.path}: {self.unscored}, so there is no score")
        if among is None:
            return score_maps(answers, self.mask, len(self), self._classes, progress)
        chosen = sorted(set(among))
        kept = selected(answers, chosen)
        return score_maps(
            kept, lambda place: self.mask(chosen[place]), len(chosen), self._classes, progress
        )


def _fits(form: ImageMask, path: Path) -> bool:
    return (path / form.images).is_dir() and (path / form.masks).is_dir()


def _alone(path: Path) -> list[Path]:
    _, names = folders_and_images(path)
    if not names:
        raise InputError(
            f"{path}: found neither images with masks nor an image",
            "give a folder with images/ and masks/ of PNG, or one that `loadscope datasets` shows",
        )
    return [path / name for name in names]
