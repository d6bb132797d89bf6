"""From a detector's outputs to the payloads that LoadGen is handed.

Imports numpy and OpenCV alone, because it runs in the measured process.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.object_detection import detection_heads
from loadscope.datasets.object_detection.coco_categories import CATEGORY_IDS
from loadscope.datasets.object_detection.detection_heads import Candidates
from loadscope.datasets.object_detection.detection_spec import (
    BoxesSpec,
    DetectionSpec,
    GridsSpec,
    HeadSpec,
)
from loadscope.datasets.object_detection.nms import opencv, suppress
from loadscope.datasets.task import Payloads, Postprocess
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

MAP = ScoreMetric("mAP")
"""Mean average precision of boxes, as pycocotools computes it."""

AGREEMENT = ScoreMetric("agreement")
"""The same number, where the boxes to be found are a model's own."""

ROW = 7
"""Numbers for each box: sample, top, left, bottom, right, score, category id; the box in parts
of the image (mlcommons/inference, ``accuracy-coco.py``)."""

Frame = Callable[[int], NDArray[np.float32]]
"""``DetectionLibrary.frame``: from the model's square to parts of a sample's image."""

Categories = NDArray[np.float32]
"""The category id of each class, ``(classes,)``."""


def postprocess(
    spec: DetectionSpec, size: int, frame: Frame, category_ids: Sequence[int] = ()
) -> Postprocess:
    """Make the function that turns outputs into payloads.

    A payload is a C-contiguous ``(boxes, 7)`` array of ``<f4``, best first, boxes cut at the
    image's edges and never more than ``spec.most``. An image in which nothing was found has an
    empty payload, which the official script takes for just that.

    Args:
        spec: How boxes are read.
        size: Side of the model's square input, pixels.
        frame: Brings a sample's boxes back to its image.
        category_ids: What the data set calls the model's classes, in their order; COCO's ids
            where it is empty.

    The returned function raises:
        WorkError: An output is missing, of another shape, or holds NaN in what boxes are made of.
    """
    categories = np.array(category_ids, np.float32) if category_ids else CATEGORY_IDS
    find = _find_in_boxes
    if isinstance(spec, HeadSpec | GridsSpec):
        find = _find_in_head
        opencv()  # Now, and not while a query waits.

    def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
        return [
            _rows(index, found, frame(index))
            for index, found in zip(
                indices, find(spec, outputs, indices, size, categories), strict=True
            )
        ]

    return payloads


def _rows(index: int, found: Candidates, frame: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = np.empty((len(found.scores), ROW), "<f4")
    rows[:, 0] = index
    # numpy's clip takes twice as long, and longer than all the rest of a few rows.
    rows[:, 1:5] = np.minimum(np.maximum((found.boxes - frame[0]) * frame[1], 0), 1)
    rows[:, 5] = found.scores
    rows[:, 6] = found.classes
    return rows


def _find_in_head(
    spec: Any, outputs: Tensors, indices: Sequence[int], size: int, categories: Categories
) -> list[Candidates]:
    arrays = {name: _output(outputs, name, len(indices), 3) for name in spec.names}
    found = []
    for at, index in enumerate(indices):
        candidates = _candidates(spec, {name: array[at] for name, array in arrays.items()}, size)
        # To read all of the output would take as long as to find the boxes.
        for array in (candidates.boxes, candidates.scores):
            _refuse_nan(array, ", ".join(spec.names), index)
        best = suppress(
            candidates.boxes, candidates.scores, candidates.classes, spec.iou_threshold, spec.most
        )
        classes = categories[candidates.classes[best]]
        found.append(Candidates(candidates.boxes[best], candidates.scores[best], classes))
    return found


def _candidates(spec: Any, image: dict[str, NDArray[Any]], size: int) -> Candidates:
    """What may be objects in the outputs of one image."""
    if spec.kind == "yolox":
        return detection_heads.yolox(image[spec.output], size, spec.score_threshold)
    if spec.kind == "yolo11":
        return detection_heads.yolo11(image[spec.output], spec.score_threshold)
    scores, boxes = ([image[name] for name in names] for names in (spec.scores, spec.boxes))
    return detection_heads.nanodet(scores, boxes, size, spec.strides, spec.score_threshold)


def _find_in_boxes(
    spec: Any, outputs: Tensors, indices: Sequence[int], size: int, categories: Categories
) -> list[Candidates]:
    batch = len(indices)
    if spec.kind == "boxes-of-one":
        if batch != 1:
            raise WorkError(
                f"the model's outputs are those of one image, and {batch} were asked for",
                "set max_batch: 1 in the model's manifest",
            )
        outputs = {name: array[np.newaxis] for name, array in outputs.items()}
    boxes = _output(outputs, spec.boxes, batch, 3).astype(np.float32)
    scores = _output(outputs, spec.scores, batch, 2)
    labels = _output(outputs, spec.labels, batch, 2)
    for name, array in ((spec.boxes, boxes), (spec.scores, scores)):
        for index, image in zip(indices, array, strict=True):
            _refuse_nan(image, name, index)
    if spec.form != "xyxy-pixels":
        boxes *= size
    if spec.form != "yxyx-parts":
        boxes = boxes[..., [1, 0, 3, 2]]
    counts = [boxes.shape[1]] * batch
    if spec.count:
        counts = _output(outputs, spec.count, batch, 1).astype(np.int64).tolist()
    found = []
    for image, count in enumerate(counts):
        valid = scores[image, :count]
        best = np.argsort(-valid, kind="stable")[: spec.most]
        best = best[valid[best] >= spec.score_threshold]
        classes = _classes(spec, labels[image, best], indices[image], categories)
        found.append(Candidates(boxes[image, best], valid[best], classes))
    return found


def _classes(
    spec: BoxesSpec, labels: NDArray[Any], index: int, categories: Categories
) -> NDArray[Any]:
    if spec.label_map == "category-ids":
        return labels
    places = labels.astype(np.int64) - (1 if spec.label_map == "coco-80-from-1" else 0)
    wrong = np.flatnonzero((places < 0) | (places >= len(categories)))
    if wrong.size:
        raise WorkError(
            f"the model's label {labels[wrong[0]]} for sample {index} is none of the"
            f" {len(categories)} categories",
            "correct label_map in the model's manifest",
        )
    classes: NDArray[np.float32] = categories[places]
    return classes


def _output(outputs: Tensors, name: str, batch: int, rank: int) -> NDArray[Any]:
    output = outputs.get(name)
    if output is None:
        raise WorkError(
            f"the model has no output '{name}'",
            f"it has: {', '.join(outputs) or 'none'}; correct the model's manifest",
        )
    if output.ndim != rank or len(output) != batch:
        raise WorkError(
            f"the model's output '{name}' has shape {output.shape} for {batch} samples",
            "correct the output's name or kind in the model's manifest",
        )
    return output


def _refuse_nan(values: NDArray[Any], name: str, index: int) -> None:
    # A maximum is NaN where any number is, and is found faster than each could be tested.
    if values.size and (highest := values.max()) != highest:
        raise WorkError(
            f"the model's output '{name}' is NaN for sample {index}",
            "check the model's weights and its preprocessing",
        )
