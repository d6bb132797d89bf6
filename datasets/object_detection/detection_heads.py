"""From a detector's raw outputs to candidate boxes, one image at a time."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.object_detection.nms import positions

YOLOX_STRIDES = (8, 16, 32)
"""Pixels of the input for each cell of the three grids (Ge et al., 2021; YOLOX's head)."""


@dataclass(frozen=True)
class Candidates:
    """Boxes that may be objects.

    Attributes:
        boxes: ``(n, 4)``: top, left, bottom, right.
        scores: ``(n,)``.
        classes: ``(n,)``, as the model counts them.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[Any]


def yolox(output: NDArray[np.float32], size: int, threshold: float) -> Candidates:
    """Decode YOLOX's head, whose grid is not applied in the graph.

    A row is the centre's offset from its cell and the logarithm of the sides, both in units of
    the cell, then the probability of any object and that of each class given one (YOLOX,
    ``demo_postprocess``). Every class above the threshold is a candidate of its own.

    Args:
        output: ``(anchors, 5 + classes)`` of one image.
        size: Side of the model's square input, pixels.
        threshold: Candidates score above it.

    Returns:
        Boxes in pixels of the square.
    """
    # No class can score above 'any object', which most anchors already fail. What is not a number
    # fails no comparison of this form, and so is not lost.
    (rows,) = (~(output[:, 4] <= threshold)).nonzero()
    near = output[rows]
    scores = near[:, 5:] * near[:, 4:5]
    at, classes = positions(~(scores <= threshold))
    grid = yolox_grid(size)[rows]
    strides = grid[:, 2:]
    # From here on y before x.
    middle = (near[:, 1::-1] + grid[:, 1::-1]) * strides
    half = np.exp(near[:, 3:1:-1]) * strides / 2
    return Candidates(_corners(middle, half)[at], scores[at, classes], classes)


def yolo11(output: NDArray[np.float32], threshold: float) -> Candidates:
    """Read YOLO11's head, which decodes in the graph.

    A column is the centre and the sides in pixels, then the probability of each class
    (Ultralytics' ONNX export). Every class above the threshold is a candidate of its own.

    Args:
        output: ``(4 + classes, anchors)`` of one image.
        threshold: Candidates score above it.

    Returns:
        Boxes in pixels of the square.
    """
    scores = output[4:]
    classes, at = positions(~(scores <= threshold))
    near = output[:4, at].T
    boxes = _corners(near[:, 1::-1], near[:, 3:1:-1] / 2)
    return Candidates(boxes, scores[classes, at], classes)


def nanodet(
    scores: Sequence[NDArray[np.float32]],
    boxes: Sequence[NDArray[np.float32]],
    size: int,
    strides: Sequence[int],
    threshold: float,
) -> Candidates:
    """Decode NanoDet's head: a distribution for the distance of each side from a cell's middle.

    The distance is the mean of the bins 0, 1, 2 … under the softmax of what the model gives for
    them, in units of the cell; sides are left, top, right, bottom (NanoDet,
    ``nanodet_head.py``). Every class above the threshold is a candidate of its own.

    Args:
        scores: ``(cells, classes)`` of one image for each grid.
        boxes: ``(cells, 4 * bins)``, likewise.
        size: Side of the model's square input, pixels.
        strides: Pixels of the input for each cell of each grid.
        threshold: Candidates score above it.

    Returns:
        Boxes in pixels of the square.
    """
    found = []
    for of_classes, of_sides, stride in zip(scores, boxes, strides, strict=True):
        at, classes = positions(~(of_classes <= threshold))
        bins = of_sides[at].reshape(len(at), 4, of_sides.shape[1] // 4)
        parts = np.exp(bins - bins.max(axis=2, keepdims=True))
        steps = np.arange(bins.shape[2], dtype=np.float32)
        sides = (parts @ steps) / parts.sum(axis=2) * stride
        y, x = np.divmod(at, size // stride)
        middle = (np.stack([y, x], axis=1).astype(np.float32) + 0.5) * stride
        corners = np.concatenate([middle - sides[:, 1::-1], middle + sides[:, :1:-1]], axis=1)
        found.append((corners, of_classes[at, classes], classes))
    corner, score, number = (np.concatenate(each) for each in zip(*found, strict=True))
    return Candidates(corner, score, number)


def yolox_anchors(size: int) -> int:
    """How many rows YOLOX's head has for a square of this side."""
    return sum((size // stride) ** 2 for stride in YOLOX_STRIDES)


@functools.cache
def yolox_grid(size: int) -> NDArray[np.float32]:
    """Each anchor's cell, x before y, and its stride: ``(anchors, 3)``."""
    parts = []
    for stride in YOLOX_STRIDES:
        side = size // stride
        y, x = np.divmod(np.arange(side * side), side)
        parts.append(np.stack([x, y, np.full(side * side, stride)], axis=1))
    grid: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return grid


def _corners(middle: NDArray[np.float32], half: NDArray[np.float32]) -> NDArray[np.float32]:
    """Top, left, bottom, right from centres and half of the sides, both y before x."""
    return np.concatenate([middle - half, middle + half], axis=1)
