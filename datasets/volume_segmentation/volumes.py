"""Folders of scans with masks, such as KiTS19."""

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.volume_mask import VolumeMask
from loadscope.datasets.cache.file_digests import file_digests
from loadscope.datasets.selection import selected
from loadscope.datasets.task import PLAIN, Answer, Progress, Score
from loadscope.datasets.volume_segmentation.volume_spec import VolumePreprocess
from loadscope.errors import InputError, WorkError

REMARK = "remark.txt"
"""A file of a data set's folder, of one line that is said wherever a score on it is shown."""

_NO_MASKS = "no masks"


class Volumes:
    """Scans with masks, a folder a case.

    A ``Dataset``.

    Attributes:
        path: The folder.
        names: Of the cases, after the limit.
        spec: What is done to the scans.
        form: How they lie in the folder.
        answer_form: Nothing is asked of answers.
        unscored: ``no masks`` where scans lie alone.
    """

    answer_form = PLAIN

    def __init__(
        self,
        path: Path,
        pairs: tuple[tuple[Path, Path], ...],
        full: int,
        spec: VolumePreprocess,
        form: VolumeMask,
        classes: int,
    ) -> None:
        self.path = path
        self.spec = spec
        self.form = form
        self.names = tuple(image.parent.name for image, _ in pairs)
        self.unscored = "" if pairs[0][1].is_file() else _NO_MASKS
        self.classes = classes
        self._pairs = pairs
        self._full_size = full

    @classmethod
    def read(
        cls, path: Path, limit: int | None, spec: VolumePreprocess, form: VolumeMask, classes: int
    ) -> "Volumes":
        """Find scans and masks and hold their headers against each other.

        Args:
            path: The folder.
            limit: Take only the first cases.
            spec: What is done to the scans.
            form: How they lie in it.
            classes: How many the model tells apart, class 0 among them.

        Raises:
            InputError: The folder or a file is missing, a mask differs from its scan in shape,
                spacing or orientation, nibabel is not installed, or the limit is below 1 or above
                the number of cases.
        """
        if not path.is_dir():
            raise InputError(
                f"there is no data set folder {path}",
                "give a folder of cases; `loadscope datasets` tells where to get one",
            )
        pairs = form.read(path, alone=True)
        if limit is not None and not 1 <= limit <= len(pairs):
            raise InputError(
                f"a limit of {limit} samples does not fit {path}, which has {len(pairs)}",
                f"choose 1 to {len(pairs)}",
            )
        return cls(path, pairs[:limit], len(pairs), spec, form, classes)

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.names)

    def full_size(self) -> int:
        """How many cases there are without a limit."""
        return self._full_size

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over names, form, and the contents of every scan and mask."""
        whole = hashlib.sha256(f"{self.form}\n".encode())
        for part in (0, 1) if not self.unscored else (0,):
            files = [pair[part].relative_to(self.path).as_posix() for pair in self._pairs]
            for name, digest in zip(
                files, file_digests(self.path, files, cache_root, progress), strict=True
            ):
                whole.update(f"{name} {digest}\n".encode())
        return whole.hexdigest()

    def bytes(self) -> int:
        """What the scans' files take."""
        return sum(image.stat().st_size for image, _ in self._pairs)

    def file(self, index: int) -> Path:
        """A sample's scan."""
        return self._pairs[index][0]

    def scan(self, index: int) -> NDArray[np.float32]:
        """A sample as it is fed, before it is cut into windows; see ``reshape``.

        Raises:
            InputError: It cannot be read, has no finite values, or its mask is not one of it.
        """
        from loadscope.datasets.volume_segmentation.reshape import prepared_volume

        image, mask = self._pairs[index]
        if not self.unscored:
            self.form.require_pair(image, mask)
            self._require_classes(index, self.form.classes(mask))
        volume = self.form.volume(image)
        if not np.isfinite(volume.voxels).all():
            raise InputError(f"{image} has values that are not finite", "restore the file")
        return prepared_volume(volume.voxels, volume.spacing, self.spec)

    def truth(self, index: int) -> NDArray[np.uint8]:
        """The class of each voxel of a sample, as it is fed.

        Raises:
            InputError: The mask cannot be read, or has another class.
        """
        from loadscope.datasets.volume_segmentation.reshape import prepared_mask

        mask = self._pairs[index][1]
        classes = self.form.classes(mask)
        self._require_classes(index, classes)
        return prepared_mask(classes, self.form.spacing(mask), self.spec)

    def class_names(self) -> tuple[str, ...]:
        """What the classes from 1 on are called."""
        count = max(0, self.classes - 1)
        known = self.form.names[:count]
        return (*known, *(f"class {at + 1}" for at in range(len(known), count)))

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """The mean Dice coefficient; see ``score_volumes``.

        Raises:
            WorkError: A sample is not answered, or with what is no volume of classes; or there
                are no masks.
        """
        from loadscope.datasets.volume_segmentation.dice import score_volumes

        if self.unscored:
            raise WorkError(f"{self.path}: {self.unscored}, so there is no score")
        said = self.path / REMARK
        remark = said.read_text(encoding="utf-8").strip() if said.is_file() else ""
        names = self.class_names()
        if among is None:
            return score_volumes(answers, self.truth, len(self), names, remark, progress)
        chosen = sorted(set(among))
        return score_volumes(
            selected(answers, chosen), lambda place: self.truth(chosen[place]), len(chosen), names,
            remark, progress,
        )  # fmt: skip

    def _require_classes(self, index: int, classes: NDArray[np.uint8]) -> None:
        if classes.size and classes.max() >= self.classes:
            raise InputError(
                f"{self._pairs[index][1]}: class {classes.max()} is outside "
                f"0..{self.classes - 1}, the model's",
                "give class_of in the data set's form, or take a model of its classes",
            )
