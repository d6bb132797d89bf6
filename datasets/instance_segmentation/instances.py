"""A data set of photographs with the mask of each object, in COCO's layout."""

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

from loadscope.datasets.cache.file_digests import file_digests
from loadscope.datasets.images.image_files import folders_and_images, require_images
from loadscope.datasets.instance_segmentation.mask_annotations import (
    MaskAnnotations,
    MaskedImage,
    read_masks,
)
from loadscope.datasets.selection import selected
from loadscope.datasets.task import PLAIN, Answer, Progress, Score
from loadscope.errors import InputError, WorkError

ANNOTATIONS = "annotations/instances_val2017.json"
_IMAGES = "val2017"
_NO_MASKS = "no masks"


class Instances:
    """Photographs with objects, in the order of the annotation file.

    An ``ImageDataset``. A class of the model is the position of its category among the numbers of
    all, in rising order.

    Attributes:
        path: The folder.
        images: The folder that names are relative to.
        names: The name of each sample's image, after the limit.
        annotations: The annotation file, whole.
        answer_form: Nothing is asked of answers: they hold the model's own classes.
        unscored: ``no masks`` where nothing is to be found in the samples.
    """

    answer_form = PLAIN

    def __init__(self, path: Path, images: Path, annotations: MaskAnnotations, limit: int) -> None:
        self.path, self.images, self.annotations = path, images, annotations
        taken = annotations.images[:limit]
        self.names = tuple(image.name for image in taken)
        ids = {image.id for image in taken}
        there = any(one.image in ids and not one.crowd for one in annotations.objects)
        self.unscored = "" if there else _NO_MASKS
        self._digests: tuple[str, ...] | None = None

    @classmethod
    def read(cls, path: Path, limit: int | None, classes: int) -> "Instances":
        """Read the annotations and check that every image is there; none is decoded.

        Args:
            path: The folder with ``annotations/`` and ``val2017/``, or with images alone.
            limit: Take only the first ones.
            classes: How many categories the file must have.

        Raises:
            InputError: The folder or the annotations are missing or malformed, the number of
                categories is another one, an image is missing, or the limit is below 1 or above
                the number of images.
        """
        if not path.is_dir():
            raise InputError(
                f"there is no data set folder {path}",
                f"give a folder with {ANNOTATIONS}; `loadscope datasets` tells where to get one",
            )
        file, images = path / ANNOTATIONS, path / _IMAGES
        if file.exists():
            annotations = read_masks(file)
            if len(annotations.categories) != classes:
                raise InputError(
                    f"{file} has {len(annotations.categories)} categories, the model tells "
                    f"{classes} apart",
                    "use a data set with the model's own categories",
                )
        else:
            images = images if images.is_dir() else path
            _, names = folders_and_images(images)
            if not names:
                raise InputError(
                    f"{path}: found neither {ANNOTATIONS} nor an image", "give COCO's folder"
                )
            alone = (MaskedImage(at, name, 0, 0) for at, name in enumerate(names))
            annotations = MaskAnnotations(tuple(alone), (), {})
        total = len(annotations.images)
        if limit is not None and not 1 <= limit <= total:
            raise InputError(
                f"a limit of {limit} samples does not fit {path}, which has {total}",
                f"choose 1 to {total}",
            )
        found = cls(path, images, annotations, limit or total)
        require_images(
            images, found.names, lambda at: f"{file}: images[{at}]", "restore the images"
        )
        return found

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.names)

    def full_size(self) -> int:
        """How many images there are without a limit."""
        return len(self.annotations.images)

    def digests(
        self, cache_root: Path | None = None, progress: Progress | None = None
    ) -> tuple[str, ...]:
        """The sha256 of each sample's file.

        Raises:
            InputError: An image cannot be read.
        """
        if self._digests is None:
            self._digests = tuple(file_digests(self.images, self.names, cache_root, progress))
        return self._digests

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over names, objects, categories and the contents of every sample."""
        whole = hashlib.sha256(f"{self.annotations.categories}\n".encode())
        taken = self.annotations.images[: len(self)]
        for image, digest in zip(taken, self.digests(cache_root, progress), strict=True):
            whole.update(f"{image} {digest}\n".encode())
        ids = {image.id for image in taken}
        for one in self.annotations.objects:
            if one.image in ids:
                whole.update(f"{one}\n".encode())
        return whole.hexdigest()

    def require_sizes(self) -> None:
        """Hold each image's size against the annotations; the pixels are not decoded.

        Raises:
            InputError: One differs, or is no image.
        """
        from PIL import Image

        for name, image in zip(self.names, self.annotations.images, strict=False):
            path = self.images / name
            try:
                with Image.open(path) as picture:
                    size = picture.size
            except OSError as error:
                raise InputError(f"image {path} does not decode: {error}", "restore it") from error
            if image.width and size != (image.width, image.height):
                raise InputError(
                    f"image {path} has {size[0]} x {size[1]} pixels, the annotations say "
                    f"{image.width} x {image.height}",
                    "restore the image from the data set's archive",
                )

    def class_names(self) -> list[str]:
        """What the classes are called."""
        return [self.annotations.categories[one] for one in sorted(self.annotations.categories)]

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """Mean average precision of masks; see ``score_instances``.

        Raises:
            WorkError: A sample is not answered, or with what are no instances; or there is nothing
                to be found.
        """
        from loadscope.datasets.instance_segmentation.mask_score import score_instances

        if self.unscored:
            raise WorkError(f"{self.path}: {self.unscored}, so there is no score")
        chosen = list(range(len(self))) if among is None else sorted(set(among))
        given = answers if among is None else selected(answers, chosen)
        return score_instances(given, self.annotations, chosen, progress)
