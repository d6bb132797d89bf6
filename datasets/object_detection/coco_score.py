"""Scoring of detectors by pycocotools, from the payloads of the accuracy log."""

import contextlib
import gc
import io
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from loadscope.datasets.object_detection.coco_annotations import CocoAnnotations
from loadscope.datasets.object_detection.detection import AGREEMENT, MAP, ROW
from loadscope.datasets.task import Answer, Progress, Score
from loadscope.errors import WorkError

_FIX = "the run is not to be trusted: run accuracy mode again"
_OTHER_IDS = "score the log with the data set of the run, or correct label_map in the manifest"
_ROW_BYTES = 4 * ROW
_STAGES = 3


def score_boxes(
    answers: Iterable[Answer],
    annotations: CocoAnnotations,
    samples: int,
    progress: Progress | None = None,
) -> Score:
    """Mean average precision as pycocotools computes it for boxes.

    Every sample must be answered; of its several answers the first counts, as in the official
    script. An empty answer is an image in which nothing was found. Boxes are taken as float32
    and multiplied by the annotated width and height, again as there.

    Where the annotations are a model's own answers, the same number is called agreement, in a
    line that the official checker does not take.

    Args:
        answers: In any order; payloads as ``detection.postprocess`` makes them.
        annotations: What is to be found.
        samples: The first so many images count.
        progress: Told of the stages.

    Returns:
        ``value`` is in percent; ``line`` is in the form of the official COCO script
        (``mAP=53.103%``); ``details`` has AP50, AP75 and the mean by size of object, percent
        (None where no such object is), and the numbers of boxes and of images without one.

    Raises:
        WorkError: A sample is not answered, or with what are no boxes; the message names it.
    """
    say = progress or (lambda *_: None)
    what = "scoring boxes"
    say(what, 0, _STAGES)
    rows, empty = _read(answers, samples)
    _check(rows, samples, annotations)
    say(what, 1, _STAGES)
    # It prints as it goes; a library's standard output is not for that.
    with contextlib.redirect_stdout(io.StringIO()), _uncollected():
        truth, found = _truth(annotations, samples), _found(rows, annotations, samples)
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        say(what, 2, _STAGES)
        evaluation.accumulate()
        evaluation.summarize()
    say(what, _STAGES, _STAGES)
    percent = [None if value < 0 else 100 * float(value) for value in evaluation.stats[:6]]
    mean = percent[0]
    if mean is None:
        raise WorkError(
            f"none of the {samples} images has a box to be found, so there is no mAP",
            "use a data set with boxes, or more of its samples",
        )
    metric = AGREEMENT if annotations.golden else MAP
    names = ("AP50", "AP75", "AP-small", "AP-medium", "AP-large")
    return Score(
        metric=metric,
        value=mean,
        samples=samples,
        line=f"{metric.name}={mean:.3f}%",
        details={**dict(zip(names, percent[1:], strict=True)), "boxes": len(rows), "empty": empty},
    )


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles among all boxes again and again as they grow in number.

    There are none, and with every collection the time a box would grow with the boxes.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(answers: Iterable[Answer], samples: int) -> tuple[NDArray[np.float32], int]:
    """All boxes ``(n, 7)``, and how many samples have none."""
    payloads: dict[int, bytes] = {}
    for answer in answers:
        if answer.index >= samples:
            raise WorkError(f"sample {answer.index} is not among the {samples} samples", _FIX)
        if answer.index in payloads:
            continue
        if len(answer.payload) % _ROW_BYTES:
            raise WorkError(
                f"sample {answer.index} is answered with {len(answer.payload)} bytes, not a"
                f" multiple of {_ROW_BYTES}",
                _FIX,
            )
        payloads[answer.index] = answer.payload
        named = np.frombuffer(answer.payload, "<f4")[::ROW]
        strange = named[named != answer.index]
        if strange.size:
            raise WorkError(
                f"sample {answer.index} is answered with boxes of sample {strange[0]:g}", _FIX
            )
    if len(payloads) < samples:
        missing = next(index for index in range(samples) if index not in payloads)
        more = samples - len(payloads) - 1
        raise WorkError(
            f"sample {missing} is not answered" + (f" ({more} more like it)" if more else ""), _FIX
        )
    empty = sum(not payload for payload in payloads.values())
    content = b"".join(payloads[index] for index in range(samples))
    return np.frombuffer(content, "<f4").reshape(-1, ROW).astype(np.float32), empty


def _check(rows: NDArray[np.float32], samples: int, annotations: CocoAnnotations) -> None:
    known = np.isin(rows[:, 6], np.array(list(annotations.categories), np.float32))
    for bad, what, fix in (
        (~np.isfinite(rows).all(axis=1), "a number that is not finite", _FIX),
        (~known, "a category that the annotations do not have", _OTHER_IDS),
    ):
        if bad.any():
            row = rows[np.flatnonzero(bad)[0]]
            raise WorkError(f"sample {row[0]:g} is answered with {what}: {row.tolist()}", fix)


def _truth(annotations: CocoAnnotations, samples: int) -> COCO:
    taken = {image.id for image in annotations.images[:samples]}
    boxes = [
        {
            "id": box.id,
            "image_id": box.image,
            "category_id": box.category,
            "bbox": list(box.box),
            "area": box.area,
            "iscrowd": int(box.crowd),
        }
        for box in annotations.boxes
        if box.image in taken
    ]
    return _index(annotations, samples, boxes)


def _found(rows: NDArray[np.float32], annotations: CocoAnnotations, samples: int) -> COCO:
    images = annotations.images[:samples]
    sizes = np.array([(image.height, image.width) * 2 for image in images], np.float32)
    ids = [image.id for image in images]
    at = rows[:, 0].astype(np.intp)
    corners = rows[:, 1:5] * sizes[at]
    boxes = np.empty_like(corners)
    boxes[:, :2] = corners[:, 1::-1]
    boxes[:, 2:] = corners[:, :1:-1] - corners[:, 1::-1]
    areas = boxes[:, 2].astype(np.float64) * boxes[:, 3]
    listed = zip(
        at.tolist(),
        boxes.tolist(),
        areas.tolist(),
        rows[:, 5].tolist(),
        rows[:, 6].astype(np.int64).tolist(),
        strict=True,
    )
    detections = [
        {
            "id": number,
            "image_id": ids[index],
            "category_id": category,
            "bbox": box,
            "area": area,
            "score": score,
            "iscrowd": 0,
        }
        for number, (index, box, area, score, category) in enumerate(listed, start=1)
    ]
    return _index(annotations, samples, detections)


def _index(annotations: CocoAnnotations, samples: int, boxes: list[dict[str, Any]]) -> COCO:
    """A COCO object without a file; its own loader fails where nothing at all was found."""
    indexed = COCO()
    indexed.dataset = {
        "images": [
            {"id": image.id, "width": image.width, "height": image.height}
            for image in annotations.images[:samples]
        ],
        "categories": [
            {"id": number, "name": name} for number, name in annotations.categories.items()
        ],
        "annotations": boxes,
    }
    indexed.createIndex()
    return indexed
