"""Reading and checking an annotation file in COCO's form (``instances_val2017.json``)."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.datasets.adapters.image_label.label_map import name_problem
from loadscope.errors import InputError

_LARGEST_CATEGORY = 2**24
_RESTORE = "restore the file from the data set's archive, or correct the entry"


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An entry of ``images``.

    Attributes:
        id: The number that annotations name it by.
        name: Its path relative to the image folder, with ``/`` between parts.
        width: Pixels, as stored in the file; 0 where it is not known.
        height: Likewise.
    """

    id: int
    name: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class CocoBox:
    """An entry of ``annotations``.

    Attributes:
        id: Its number; above 0, because pycocotools takes 0 for 'no match'.
        image: The id of its image.
        category: The id of its category.
        box: Left, top, width and height, pixels.
        area: Of the object, square pixels; the box's own where the file has none.
        crowd: Whether it stands for a group, whose detections are not counted at all.
    """

    id: int
    image: int
    category: int
    box: tuple[float, float, float, float]
    area: float
    crowd: bool


@dataclass(frozen=True)
class CocoAnnotations:
    """A whole annotation file, in its own order.

    Attributes:
        images: The images; a sample's index is its position here.
        boxes: What is to be found.
        categories: Names by id, in the file's order.
        golden: Whose answers the boxes are, where nobody has annotated the images (``golden`` of
            ``info``); empty where they are the truth.
    """

    images: tuple[CocoImage, ...]
    boxes: tuple[CocoBox, ...]
    categories: dict[int, str]
    golden: str = ""


def read_annotations(path: Path) -> CocoAnnotations:
    """Read an annotation file and check all that the suite and pycocotools rely on.

    An image without boxes is kept: whatever is found in it is wrong. A file without
    ``annotations``, as COCO has for its test images, has no boxes. A box may reach over the
    edge of its image or have no extent, as the official scorer allows. ``iscrowd`` and ``area``
    may be left out; segmentations are not read.

    Args:
        path: The file, JSON.

    Raises:
        InputError: The file cannot be read or is not JSON in COCO's form; an id is given twice;
            a box names an image or a category that is not there, lies wholly outside of its
            image, or has a negative size. The message names the entry.
    """
    content = _load(path)
    images = tuple(_image(entry) for entry in _entries(path, content, "images"))
    if not images:
        raise InputError(f"{path}: 'images' is empty", _RESTORE)
    _refuse_repeats(path, "images", "id", (image.id for image in images))
    _refuse_repeats(path, "images", "file_name", (image.name for image in images))
    named = tuple(_category(entry) for entry in _entries(path, content, "categories"))
    _refuse_repeats(path, "categories", "id", (number for number, _ in named))
    by_id = {image.id: image for image in images}
    categories = dict(named)
    boxes: tuple[CocoBox, ...] = ()
    if "annotations" in content:
        listed = _entries(path, content, "annotations")
        boxes = tuple(_box(entry, by_id, categories) for entry in listed)
    _refuse_repeats(path, "annotations", "id", (box.id for box in boxes))
    info = content.get("info")
    golden = info.get("golden") if isinstance(info, dict) else None
    return CocoAnnotations(images, boxes, categories, golden if isinstance(golden, str) else "")


class _Entry:
    """One object of a list, with errors that say where it is."""

    def __init__(self, where: str, values: Any) -> None:
        if not isinstance(values, dict):
            raise InputError(f"{where} is {_shown(values)}, not an object", _RESTORE)
        self.where = where
        self._values = values

    def bad(self, what: str) -> InputError:
        return InputError(f"{self.where}: {what}", _RESTORE)

    def has(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str, kind: str, fits: Callable[[Any], bool]) -> Any:
        if key not in self._values:
            raise self.bad(f"'{key}' is missing")
        value = self._values[key]
        if not fits(value):
            raise self.bad(f"{key} is {_shown(value)}, not {kind}")
        return value


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"cannot read the annotations {path}: {error.strerror}",
            "give a folder with annotations/instances_val2017.json in it",
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}", _RESTORE) from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is {_shown(content)}, not an object", _RESTORE)
    return content


def _entries(path: Path, content: dict[str, Any], key: str) -> Iterator[_Entry]:
    listed = content.get(key)
    if not isinstance(listed, list):
        what = f"'{key}' is {_shown(listed)}, not a list" if key in content else f"no '{key}'"
        raise InputError(f"{path}: {what}: not a file of COCO object annotations", _RESTORE)
    for position, values in enumerate(listed):
        yield _Entry(f"{path}: {key}[{position}]", values)


def _image(entry: _Entry) -> CocoImage:
    number = entry.get("id", "an integer", _is_integer)
    name: str = entry.get("file_name", "text", lambda value: isinstance(value, str))
    problem = "is empty" if not name else name_problem(name)
    if problem:
        raise entry.bad(f"file_name {name!r} {problem}")
    width = entry.get("width", "a number of pixels", _is_positive)
    height = entry.get("height", "a number of pixels", _is_positive)
    return CocoImage(number, name, width, height)


def _category(entry: _Entry) -> tuple[int, str]:
    number = entry.get("id", "an integer that float32 holds", _is_category)
    return number, entry.get("name", "text", lambda value: isinstance(value, str))


def _box(entry: _Entry, images: dict[int, CocoImage], categories: dict[int, str]) -> CocoBox:
    number = entry.get("id", "an integer above 0", _is_positive)
    image = images.get(entry.get("image_id", "an integer", _is_integer))
    if image is None:
        raise entry.bad(f"annotation {number} names an image_id that is not among the images")
    category = entry.get("category_id", "an integer", _is_integer)
    if category not in categories:
        raise entry.bad(
            f"annotation {number} names category_id {category}, which is not among the categories"
        )
    left, top, width, height = entry.get("bbox", "four numbers", _is_box)
    if width < 0 or height < 0:
        raise entry.bad(f"annotation {number} has a box of negative size: {width} x {height}")
    outside = left > image.width or top > image.height or left + width < 0 or top + height < 0
    if outside:
        raise entry.bad(
            f"annotation {number}: the box {[left, top, width, height]} lies outside of"
            f" {image.name}, which has {image.width} x {image.height} pixels"
        )
    area = entry.get("area", "a number", _is_number) if entry.has("area") else width * height
    crowd = entry.has("iscrowd") and entry.get("iscrowd", "0 or 1", _is_flag) == 1
    return CocoBox(number, image.id, category, (left, top, width, height), area, crowd)


def _refuse_repeats(path: Path, key: str, field: str, values: Iterator[int | str]) -> None:
    seen: dict[int | str, int] = {}
    for position, value in enumerate(values):
        if value in seen:
            raise InputError(
                f"{path}: {key}[{position}] has the same {field} {value!r} as {key}[{seen[value]}]",
                "remove one of the two",
            )
        seen[value] = position


def _is_integer(value: Any) -> bool:
    return type(value) is int


def _is_category(value: Any) -> bool:
    # Payloads hold ids as float32.
    return type(value) is int and abs(value) <= _LARGEST_CATEGORY


def _is_positive(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_flag(value: Any) -> bool:
    return type(value) in (int, bool) and value in (0, 1)


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    return repr(value)[:40]
