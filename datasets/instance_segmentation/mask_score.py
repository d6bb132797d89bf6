"""Scoring of instances by pycocotools, from the payloads of the accuracy log."""

import contextlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from loadscope.datasets.instance_segmentation.found import unpacked
from loadscope.datasets.instance_segmentation.mask_annotations import MaskAnnotations
from loadscope.datasets.instance_segmentation.metric import MASK_MAP
from loadscope.datasets.task import Answer, Progress, Score
from loadscope.errors import WorkError

_FIX = "the run is not to be trusted: run accuracy mode again"


def score_instances(
    answers: Iterable[Answer],
    annotations: MaskAnnotations,
    chosen: Sequence[int],
    progress: Progress | None = None,
) -> Score:
    """Mean average precision as pycocotools computes it for masks.

    A pixel of an image is inside an instance where its centre's place on the answer's grid is,
    which spans the whole image. Of a sample's several answers the first counts.

    Args:
        answers: In any order, of the chosen images by their place; payloads as
            ``found.postprocess`` makes them.
        annotations: What is to be found.
        chosen: The images that count, by their place in the annotations.
        progress: Told how many answers are read.

    Returns:
        ``value`` is in percent; ``details`` has AP50, AP75, the mean by size of object (None where
        no such object is), and the numbers of instances and of images without one.

    Raises:
        WorkError: A sample is not answered, or with what are no instances of the classes.
    """
    images = [annotations.images[at] for at in chosen]
    numbers = sorted(annotations.categories)
    found: list[dict[str, Any]] = []
    done: set[int] = set()
    empty = 0
    for answer in answers:
        place = answer.index
        if not 0 <= place < len(images):
            raise WorkError(f"sample {place} is not among the {len(images)} samples", _FIX)
        if place in done:
            continue
        done.add(place)
        instances = unpacked(answer.payload)
        if instances is None:
            raise WorkError(
                f"sample {place} is answered with {len(answer.payload)} bytes, no instances", _FIX
            )
        empty += not instances
        for one in instances:
            if one.kind >= len(numbers) or not np.isfinite(one.score):
                raise WorkError(
                    f"sample {place} is answered with class {one.kind} of {len(numbers)} and the "
                    f"score {one.score:g}",
                    _FIX,
                )
            image = images[place]
            runs = coco_mask.encode(
                np.asfortranarray(stretched(one.mask, image.height, image.width))
            )
            found.append(
                {
                    "id": len(found) + 1, "image_id": image.id, "category_id": numbers[one.kind],
                    "segmentation": runs, "score": one.score, "iscrowd": 0,
                    "area": float(coco_mask.area(runs)),
                    "bbox": coco_mask.toBbox(runs).tolist(),
                }
            )  # fmt: skip
        if progress is not None:
            progress("scoring masks", len(done), len(images))
    if len(done) < len(images):
        missing = next(at for at in range(len(images)) if at not in done)
        more = len(images) - len(done) - 1
        raise WorkError(
            f"sample {missing} is not answered" + (f" ({more} more like it)" if more else ""), _FIX
        )
    percent = _evaluated(annotations, images, found)
    mean = percent[0]
    if mean is None:
        raise WorkError(f"none of the {len(images)} images has an object to be found")
    names = ("AP50", "AP75", "AP-small", "AP-medium", "AP-large")
    return Score(
        metric=MASK_MAP,
        value=mean,
        samples=len(images),
        line=f"mask mAP={mean:.3f}%, instances={len(found)}, total={len(images)}",
        details={
            **dict(zip(names, percent[1:], strict=True)), "instances": len(found), "empty": empty,
        },
    )  # fmt: skip


def stretched(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.uint8]:
    """A mask on an image's pixels, 1 inside."""
    rows, columns = (
        (2 * np.arange(size) + 1) * grid // (2 * size)
        for size, grid in zip((height, width), mask.shape, strict=True)
    )
    inside: NDArray[np.uint8] = mask.astype(np.uint8)[rows][:, columns]
    return inside


def _evaluated(
    annotations: MaskAnnotations, images: Sequence[Any], found: list[dict[str, Any]]
) -> list[float | None]:
    ids = {image.id: image for image in images}
    truth = []
    for one in annotations.objects:
        if one.image not in ids:
            continue
        height, width = ids[one.image].height, ids[one.image].width
        given = one.segmentation
        if isinstance(given, list):
            runs = coco_mask.merge(coco_mask.frPyObjects(given, height, width))
        elif isinstance(given["counts"], list):
            runs = coco_mask.frPyObjects(given, height, width)
        else:
            runs = given
        truth.append(
            {
                "id": one.id, "image_id": one.image, "category_id": one.category,
                "segmentation": runs, "area": float(coco_mask.area(runs)),
                "bbox": coco_mask.toBbox(runs).tolist(), "iscrowd": int(one.crowd),
            }
        )  # fmt: skip
    # It prints as it goes; a library's standard output is not for that.
    with contextlib.redirect_stdout(io.StringIO()):
        sides = [_index(annotations, images, listed) for listed in (truth, found)]
        evaluation = COCOeval(*sides, "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [None if value < 0 else 100 * float(value) for value in evaluation.stats[:6]]


def _index(
    annotations: MaskAnnotations, images: Sequence[Any], listed: list[dict[str, Any]]
) -> COCO:
    indexed = COCO()
    indexed.dataset = {
        "images": [
            {"id": image.id, "width": image.width, "height": image.height} for image in images
        ],
        "categories": [
            {"id": number, "name": name} for number, name in annotations.categories.items()
        ],
        "annotations": listed,
    }
    indexed.createIndex()
    return indexed
