"""A data set in the layout of COCO 2017's validation set."""

import hashlib
import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from loadscope.datasets.cache.file_digests import file_digests
from loadscope.datasets.images.image_files import folders_and_images, require_images
from loadscope.datasets.object_detection.coco_annotations import (
    CocoAnnotations,
    CocoImage,
    read_annotations,
)
from loadscope.datasets.object_detection.coco_categories import class_ids
from loadscope.datasets.object_detection.detection import ROW
from loadscope.datasets.selection import selected
from loadscope.datasets.task import Answer, AnswerForm, Progress, Score
from loadscope.errors import InputError, WorkError

_NO_BOXES = "no boxes"
ANNOTATIONS = "annotations/instances_val2017.json"
_LAYOUTS = {
    # The second folder is that of the official YOLO benchmark's subset.
    ANNOTATIONS: ("val2017", "val2017_safe"),
    # mlcommons/inference, openimages_mlperf.sh.
    "annotations/openimages-mlperf.json": ("validation/data",),
}


class Coco:
    """Photographs with boxes: ``annotations/instances_val2017.json`` and ``val2017/``.

    ``annotations/openimages-mlperf.json`` with ``validation/data/`` has the same form. Images
    alone, and annotations without boxes, are samples without a score.

    A ``Dataset``. The order of samples is that of ``images`` in the annotation file, as the
    official accuracy script takes it.

    Attributes:
        path: The folder of the data set.
        images: The folder that image names are relative to.
        names: The name of each sample, after the limit.
        annotations: The annotation file, whole.
        answer_form: The ids of its categories, in the order of the model's classes.
        unscored: ``no boxes`` where nothing is to be found in the samples.
    """

    def __init__(self, path: Path, images: Path, annotations: CocoAnnotations, limit: int) -> None:
        self.path = path
        self.images = images
        self.annotations = annotations
        taken = annotations.images[:limit]
        self.names: tuple[str, ...] = tuple(_as_stored(images, image.name) for image in taken)
        self.answer_form = AnswerForm(category_ids=class_ids(annotations.categories))
        ids = {image.id for image in taken}
        countable = any(box.image in ids and not box.crowd for box in annotations.boxes)
        self.unscored = "" if countable else _NO_BOXES
        self._digests: tuple[str, ...] | None = None

    @classmethod
    def read(cls, path: Path, limit: int | None = None, classes: int = 80) -> "Coco":
        """Read the annotations and check that every image that is to be used is there.

        Images that the annotations do not name are left alone. The images are not decoded. A
        ``file_name`` may begin with the image folder's own name.

        Args:
            path: The folder with ``annotations/`` and ``val2017/`` (or ``val2017_safe/``), or
                with images alone.
            limit: Take only the first ones.
            classes: How many categories the file must have.

        Raises:
            InputError: The folder or the annotations are missing or malformed, the number of
                categories is another one, an image is missing, empty or unreadable, or the
                limit is below 1 or above the number of images.
        """
        if not path.is_dir():
            raise InputError(
                f"there is no data set folder {path}",
                f"give a folder with {ANNOTATIONS}; `loadscope datasets` tells where to get one",
            )
        file, images = _locate(path)
        if not os.path.lexists(file):
            file = images = images if images.is_dir() else path
            annotations = _images_alone(images, classes)
        else:
            annotations = read_annotations(file)
        if len(annotations.categories) != classes:
            raise InputError(
                f"{file} has {len(annotations.categories)} categories, the model tells"
                f" {classes} apart",
                "use a data set with the model's own categories",
            )
        total = len(annotations.images)
        if limit is not None and not 1 <= limit <= total:
            raise InputError(
                f"a limit of {limit} samples does not fit {file}, which names {total}",
                f"choose 1 to {total}",
            )
        dataset = cls(path, images, annotations, total if limit is None else limit)
        require_images(
            images,
            dataset.names,
            lambda at: f"{file}: images[{at}]",
            "restore the images, or remove their entries from the annotations",
        )
        return dataset

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.names)

    def full_size(self) -> int:
        """How many images there are without a limit."""
        return len(self.annotations.images)

    def digests(
        self, cache_root: Path | None = None, progress: Progress | None = None
    ) -> tuple[str, ...]:
        """The sha256 of each sample's file; see ``ImageNet.digests``.

        Raises:
            InputError: An image cannot be read.
        """
        if self._digests is None:
            self._digests = tuple(file_digests(self.images, self.names, cache_root, progress))
        return self._digests

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over names, boxes, categories and the contents of every sample."""
        whole = hashlib.sha256()
        taken = self.annotations.images[: len(self)]
        for image, digest in zip(taken, self.digests(cache_root, progress), strict=True):
            whole.update(f"{image} {digest}\n".encode())
        ids = {image.id for image in taken}
        for box in self.annotations.boxes:
            if box.image in ids:
                whole.update(f"{box}\n".encode())
        whole.update(f"{self.annotations.categories}\n".encode())
        return whole.hexdigest()

    def require_sizes(self, sizes: Iterable[tuple[int, int]]) -> None:
        """Hold the images' real sizes against the annotations, whose boxes refer to them.

        Args:
            sizes: Width and height of each sample as stored, pixels.

        Raises:
            InputError: One differs.
        """
        for name, image, (width, height) in zip(
            self.names, self.annotations.images, sizes, strict=False
        ):
            if image.width and (image.width, image.height) != (width, height):
                turned = (image.width, image.height) == (height, width)
                raise InputError(
                    f"image {self.images / name} has {width} x {height} pixels, the"
                    f" annotations say {image.width} x {image.height}",
                    "boxes refer to the pixels as stored, whatever the EXIF orientation says;"
                    " rewrite the image upright without it"
                    if turned
                    else "restore the image from the data set's archive",
                )

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """Mean average precision; see ``score_boxes``.

        Raises:
            WorkError: A sample is not answered, or with what are no boxes; or there are no boxes
                to be found.
        """
        if self.unscored:
            raise WorkError(f"{self.path}: {self.unscored}, so there is no score")
        # pycocotools takes its time to import, and nothing but scoring needs it.
        from loadscope.datasets.object_detection.coco_score import score_boxes

        if among is None:
            return score_boxes(answers, self.annotations, len(self), progress)
        chosen = sorted(set(among))
        images = tuple(self.annotations.images[index] for index in chosen)
        answers = selected(answers, chosen, row=ROW)
        return score_boxes(answers, replace(self.annotations, images=images), len(images), progress)


def _locate(path: Path) -> tuple[Path, Path]:
    """The annotation file and the folder of images, the file perhaps still missing."""
    annotations = next((name for name in _LAYOUTS if (path / name).exists()), ANNOTATIONS)
    folders = _LAYOUTS[annotations]
    images = next((path / name for name in folders if (path / name).is_dir()), None)
    if images is None and (path / annotations).exists():
        raise InputError(f"{path} has no folder {' or '.join(folders)}", "put the images there")
    return path / annotations, images or path / folders[0]


def _as_stored(images: Path, name: str) -> str:
    """The name relative to the image folder, without what names that folder itself."""
    if (images / name).exists():
        return name
    parts = PurePosixPath(name).parts
    known = {images.name, *(folder for each in _LAYOUTS.values() for folder in each)}
    for at in range(len(parts) - 1, 0, -1):
        if parts[at - 1] in known and images.joinpath(*parts[at:]).exists():
            return "/".join(parts[at:])
    return name


def _images_alone(images: Path, classes: int) -> CocoAnnotations:
    """Annotations of images that have none: sizes are not known, and classes have numbers only."""
    _, found = folders_and_images(images)
    if not found:
        raise InputError(
            f"{images}: found neither {ANNOTATIONS} nor an image",
            f"give a folder with {ANNOTATIONS}, or with images alone; `loadscope datasets` tells "
            "where to get one",
        )
    return CocoAnnotations(
        tuple(CocoImage(number, name, 0, 0) for number, name in enumerate(found, start=1)),
        (),
        {number: str(number) for number in range(classes)},
    )
