"""Reading the instances of an annotation file in COCO's form."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.errors import InputError

_RESTORE = "restore the file from the data set's archive, or correct the entry"


@dataclass(frozen=True)
class MaskedImage:
    """An entry of ``images``: its number, file name, width and height."""

    id: int
    name: str
    width: int
    height: int


@dataclass(frozen=True)
class MaskedObject:
    """An entry of ``annotations``.

    Attributes:
        id: Its number.
        image: The number of its image.
        category: The number of its category.
        segmentation: Polygons, or run lengths (``size`` and ``counts``), as in the file.
        crowd: Whether it stands for a group, whose detections are not counted at all.
    """

    id: int
    image: int
    category: int
    segmentation: Any
    crowd: bool


@dataclass(frozen=True)
class MaskAnnotations:
    """A whole file: images and objects in its order, categories by number."""

    images: tuple[MaskedImage, ...]
    objects: tuple[MaskedObject, ...]
    categories: dict[int, str]


def read_masks(path: Path) -> MaskAnnotations:
    """Read an annotation file and check what is relied on.

    Raises:
        InputError: It cannot be read or is not in COCO's form: a number is given twice, an object
            names an image or category that is not there, or its segmentation is neither polygons
            nor run lengths of its image's size. The message names the entry.
    """
    try:
        content = json.loads(path.read_bytes())
        images = tuple(
            MaskedImage(
                int(one["id"]), str(one["file_name"]), int(one["width"]), int(one["height"])
            )
            for one in content["images"]
        )
        categories = {int(one["id"]): str(one["name"]) for one in content["categories"]}
        objects = tuple(
            MaskedObject(
                int(one["id"]), int(one["image_id"]), int(one["category_id"]),
                one["segmentation"], bool(one.get("iscrowd", 0)),
            )
            for one in content["annotations"]
        )  # fmt: skip
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except KeyError as error:
        raise InputError(f"{path}: an entry has no {error}", _RESTORE) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: not COCO's annotations: {error}", _RESTORE) from error
    if not images:
        raise InputError(f"{path}: 'images' is empty", _RESTORE)
    for what, numbers in (("images", [one.id for one in images]),
                          ("annotations", [one.id for one in objects])):  # fmt: skip
        if len(set(numbers)) != len(numbers):
            raise InputError(f"{path}: a number of '{what}' is given twice", _RESTORE)
    by_id = {image.id: image for image in images}
    for one in objects:
        where = f"{path}: annotation {one.id}"
        if one.image not in by_id or one.category not in categories:
            raise InputError(
                f"{where} names image {one.image} and category {one.category}, which are not there",
                _RESTORE,
            )
        for reason in _problems(one, by_id[one.image]):
            raise InputError(f"{where}: {reason}", _RESTORE)
    return MaskAnnotations(images, objects, categories)


def _problems(one: MaskedObject, image: MaskedImage) -> Iterator[str]:
    given = one.segmentation
    if isinstance(given, dict):
        counts = given.get("counts")
        if list(given.get("size", ())) != [image.height, image.width]:
            yield (
                f"run lengths of size {given.get('size')}, its image has "
                f"{[image.height, image.width]}"
            )
        elif isinstance(counts, list):
            if not all(isinstance(run, int) and run >= 0 for run in counts) or (
                sum(counts) != image.height * image.width
            ):
                yield "run lengths that do not add up to its image"
        elif not isinstance(counts, str):
            yield "counts are neither a list nor a text"
    elif isinstance(given, list) and given:
        for polygon in given:
            plain = isinstance(polygon, list) and all(isinstance(at, int | float) for at in polygon)
            if not plain or len(polygon) < 6 or len(polygon) % 2:
                yield "a polygon of fewer than three points"
    else:
        yield "segmentation is neither polygons nor run lengths"
