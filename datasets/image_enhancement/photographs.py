"""Folders of photographs in full size, such as Set5, Set14, BSD100 and DIV2K."""

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.file_digests import file_digests
from loadscope.datasets.image_enhancement.enlarge_spec import EnlargePreprocess
from loadscope.datasets.images.image_files import folders_and_images, require_images
from loadscope.datasets.selection import selected
from loadscope.datasets.task import PLAIN, Answer, Progress, Score
from loadscope.errors import InputError


class Photographs:
    """The images of a folder, each of which is made small and is to be enlarged again.

    An ``ImageDataset``.

    Attributes:
        path: The folder.
        images: What names are relative to, as ``path``.
        names: The name of each photograph, after the limit.
        spec: How they are made small.
        answer_form: Nothing is asked of answers.
        unscored: Empty: a photograph is its own true answer.
    """

    answer_form = PLAIN
    unscored = ""

    def __init__(
        self, path: Path, names: tuple[str, ...], full: int, spec: EnlargePreprocess
    ) -> None:
        self.path = self.images = path
        self.names = names
        self.spec = spec
        self._full_size = full
        self._digests: tuple[str, ...] | None = None

    @classmethod
    def read(cls, path: Path, limit: int | None, spec: EnlargePreprocess) -> "Photographs":
        """Find the images, and check that they are there; none is decoded.

        Args:
            path: The folder.
            limit: Take only the first ones, in the order of their names.
            spec: How they are made small.

        Raises:
            InputError: The folder is missing or has no image, an image is empty or unreadable, or
                the limit is below 1 or above the number of images.
        """
        if not path.is_dir():
            raise InputError(
                f"there is no data set folder {path}",
                "give a folder of photographs; `loadscope datasets` tells where to get one",
            )
        _, names = folders_and_images(path)
        if not names:
            raise InputError(
                f"{path}: found no image", "give the folder with the photographs in full size"
            )
        if limit is not None and not 1 <= limit <= len(names):
            raise InputError(
                f"a limit of {limit} samples does not fit {path}, which has {len(names)}",
                f"choose 1 to {len(names)}",
            )
        taken = tuple(names[:limit])
        require_images(path, taken, lambda at: f"{path}: sample {at}", "restore the images")
        return cls(path, taken, len(names), spec)

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.names)

    def full_size(self) -> int:
        """How many images there are without a limit."""
        return self._full_size

    def digests(
        self, cache_root: Path | None = None, progress: Progress | None = None
    ) -> tuple[str, ...]:
        """The sha256 of each image.

        Raises:
            InputError: An image cannot be read.
        """
        if self._digests is None:
            self._digests = tuple(file_digests(self.path, self.names, cache_root, progress))
        return self._digests

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over names and contents; how they are made small is the model's."""
        whole = hashlib.sha256()
        for name, image in zip(self.names, self.digests(cache_root, progress), strict=True):
            whole.update(f"{name} {image}\n".encode())
        return whole.hexdigest()

    def truth(self, index: int) -> NDArray[np.uint8]:
        """What an answer is held against; see ``shrink.truth``."""
        from loadscope.datasets.image_enhancement.shrink import truth

        return truth(self.path / self.names[index], self.spec)

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """PSNR and SSIM; see ``score_enlarged``.

        Raises:
            WorkError: A sample is not answered, or with what is no image of its size.
        """
        # Images are decoded and compared by libraries that the measured process has no use for.
        from loadscope.datasets.image_enhancement.enlarged_score import score_enlarged

        if among is None:
            return score_enlarged(answers, self.truth, len(self), self.spec.scale, progress)
        chosen = sorted(set(among))
        return score_enlarged(
            selected(answers, chosen), lambda place: self.truth(chosen[place]), len(chosen),
            self.spec.scale, progress,
        )  # fmt: skip
