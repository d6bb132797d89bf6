"""How boxes are read from a detector's outputs, as a model's manifest states it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from loadscope.datasets.images.image_preprocess import one_of
from loadscope.datasets.object_detection.detection_heads import YOLOX_STRIDES, yolox_anchors

HeadKind = Literal["yolox", "yolo11"]
Labels = Literal["coco-80", "coco-80-from-1", "category-ids"]
BoxForm = Literal["yxyx-parts", "xyxy-parts", "xyxy-pixels"]

_BOX = 4
"""The numbers of a box, before the scores of a candidate."""


def head_of(shape: tuple[int, ...], size: int) -> HeadKind | None:
    """The kind of head that an output is, without the batch axis; None for no such.

    Args:
        shape: Of the output.
        size: Side of the model's square input, pixels.
    """
    if len(shape) != 2 or size % YOLOX_STRIDES[-1]:
        return None
    anchors = yolox_anchors(size)
    if shape[0] == anchors and shape[1] > _BOX + 1:
        return "yolox"
    return "yolo11" if shape[1] == anchors and shape[0] > _BOX else None


@dataclass(frozen=True)
class HeadSpec:
    """A model that leaves candidates to be sorted out: decoding and suppression are ours.

    Attributes:
        kind: The form of the output; see ``detection_heads.yolox`` and ``detection_heads.yolo11``.
        output: The name of that output.
        score_threshold: Candidates score above it.
        iou_threshold: A box is dropped when it overlaps a better one of its class by more than
            this, as intersection over union.
        most: How many boxes of an image are kept; COCO counts 100.
    """

    kind: HeadKind
    output: str
    score_threshold: float
    iou_threshold: float
    most: int = 100

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        one_of("kind", self.kind, get_args(HeadKind))
        _named(output=self.output)
        _part("score_threshold", self.score_threshold)
        _part("iou_threshold", self.iou_threshold)
        _some("most", self.most)

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs that are read."""
        return (self.output,)

    def classes(self, shape: tuple[int, ...]) -> int:
        """How many classes an output of this shape tells apart; 0 where it is no such head."""
        if len(shape) != 2:
            return 0
        return max(0, shape[1] - _BOX - 1 if self.kind == "yolox" else shape[0] - _BOX)

    def misfit(self, outputs: Mapping[str, tuple[int, ...]], classes: int, size: int) -> str:
        """Why declared outputs do not fit; empty where they do.

        Args:
            outputs: Shapes without the batch axis, by name.
            classes: How many classes the model tells apart.
            size: Side of its square input, pixels.
        """
        missing = _missing([self.output], outputs)
        if missing:
            return missing
        shape, anchors = outputs[self.output], yolox_anchors(size)
        if self.kind == "yolox" and shape != (anchors, 5 + classes):
            return _other(self.output, shape, f"{anchors} anchors and 5 + {classes} classes")
        if self.kind == "yolo11" and (len(shape) != 2 or shape[0] != 4 + classes):
            return _other(self.output, shape, f"4 + {classes} classes and the anchors")
        return ""


@dataclass(frozen=True)
class GridsSpec:
    """A model that leaves candidates in an output for each grid, a side as a distribution.

    NanoDet's head (Li et al., 2020, generalized focal loss). As with ``HeadSpec`` decoding and
    suppression are ours.

    Attributes:
        kind: See ``detection_heads.nanodet``.
        scores: The outputs of class scores, ``(cells, classes)``, one a grid.
        boxes: The outputs of boxes, ``(cells, 4 * bins)``, likewise.
        score_threshold: Candidates score above it.
        iou_threshold: See ``HeadSpec``.
        strides: Pixels of the input for each cell of each grid.
        most: How many boxes of an image are kept; COCO counts 100.
    """

    kind: Literal["nanodet"]
    scores: tuple[str, ...]
    boxes: tuple[str, ...]
    score_threshold: float
    iou_threshold: float
    strides: tuple[int, ...] = (8, 16, 32)
    most: int = 100

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        one_of("kind", self.kind, ("nanodet",))
        if not len(self.scores) == len(self.boxes) == len(self.strides):
            raise ValueError("scores, boxes and strides are not of as many grids")
        if min(self.strides, default=0) < 1:
            raise ValueError(f"strides are {self.strides}, not pixels")
        _part("score_threshold", self.score_threshold)
        _part("iou_threshold", self.iou_threshold)
        _some("most", self.most)

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs that are read."""
        return (*self.scores, *self.boxes)

    def classes(self, shape: tuple[int, ...]) -> int:
        """How many classes an output of scores of this shape tells apart; see ``HeadSpec``."""
        return shape[1] if len(shape) == 2 else 0

    def misfit(self, outputs: Mapping[str, tuple[int, ...]], classes: int, size: int) -> str:
        """Why declared outputs do not fit; empty where they do. See ``HeadSpec.misfit``."""
        if missing := _missing(list(self.names), outputs):
            return missing
        for scores, boxes, stride in zip(self.scores, self.boxes, self.strides, strict=True):
            cells = (size // stride) ** 2
            if outputs[scores] != (cells, classes):
                return _other(scores, outputs[scores], f"{cells} cells and {classes} classes")
            shape = outputs[boxes]
            if len(shape) != 2 or shape[0] != cells or shape[1] % 4 or shape[1] < 8:
                return _other(boxes, shape, f"{cells} cells and 4 sides of several bins")
        return ""


@dataclass(frozen=True)
class BoxesSpec:
    """A model that suppresses overlaps in its graph (SSD, RetinaNet): its boxes are the answer.

    Attributes:
        kind: ``boxes``: there is a batch axis; ``boxes-of-one``: the outputs are those of one
            image, as many rows as it has boxes.
        boxes: The name of the output of boxes, ``(n, 4)``.
        scores: Of their scores, ``(n,)``.
        labels: Of their labels, ``(n,)``.
        form: Order of a box's corners, and whether they are parts of the image or pixels of the
            model's input.
        label_map: What labels are: ``coco-80`` counts the data set's categories (COCO has 80)
            from 0, ``coco-80-from-1`` from 1 (0 is background), ``category-ids`` are the data
            set's own numbers. See ``coco_categories.class_ids``.
        count: Of the number of valid boxes, where the model has such an output.
        score_threshold: Boxes that score below it are dropped.
        most: How many boxes of an image are kept; COCO counts 100.
    """

    kind: Literal["boxes", "boxes-of-one"]
    boxes: str
    scores: str
    labels: str
    form: BoxForm
    label_map: Labels
    count: str = ""
    score_threshold: float = 0.0
    most: int = 100

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        one_of("kind", self.kind, ("boxes", "boxes-of-one"))
        one_of("form", self.form, get_args(BoxForm))
        one_of("label_map", self.label_map, get_args(Labels))
        _named(boxes=self.boxes, scores=self.scores, labels=self.labels)
        _part("score_threshold", self.score_threshold)
        _some("most", self.most)

    def misfit(self, outputs: Mapping[str, tuple[int, ...]], classes: int, size: int) -> str:
        """Why declared outputs do not fit; empty where they do. See ``HeadSpec.misfit``."""
        names = [name for name in (self.boxes, self.scores, self.labels, self.count) if name]
        missing = _missing(names, outputs)
        if missing:
            return missing
        inner = outputs[self.boxes][1:] if self.kind == "boxes" else outputs[self.boxes]
        if inner != (4,):
            return _other(self.boxes, outputs[self.boxes], "boxes of 4 numbers")
        return ""


DetectionSpec = HeadSpec | GridsSpec | BoxesSpec


def _named(**names: str) -> None:
    for key, name in names.items():
        if not name:
            raise ValueError(f"{key} names no tensor")


def _part(key: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{key} is {value}, not from 0 to below 1")


def _some(key: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{key} is {value}, not a number of boxes")


def _missing(names: list[str], outputs: Mapping[str, tuple[int, ...]]) -> str:
    for name in names:
        if name not in outputs:
            return f"postprocess reads '{name}', which is not among: {', '.join(outputs)}"
    return ""


def _other(name: str, shape: tuple[int, ...], expected: str) -> str:
    return f"outputs.{name}: shape {list(shape)} is not one of {expected}"
