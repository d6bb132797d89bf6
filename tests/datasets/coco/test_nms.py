from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadscope.datasets.object_detection.nms import suppress

Array = np.ndarray[Any, Any]


def one_by_one(
    boxes: Array, scores: Array, classes: Array, threshold: float, most: int
) -> list[int]:
    """The definition: take the best that is left, drop what overlaps it, again."""
    left = sorted(range(len(scores)), key=lambda at: -scores[at])
    chosen: list[int] = []
    while left and len(chosen) < most:
        best = left.pop(0)
        chosen.append(best)
        left = [
            at
            for at in left
            if classes[at] != classes[best] or overlap(boxes[at], boxes[best]) <= threshold
        ]
    return chosen


def overlap(a: Array, b: Array) -> float:
    high = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    wide = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return float(high * wide / (areas - high * wide))


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 400),
    st.integers(1, 4),
    # Whole numbers below make ratios that no threshold here equals.
    st.sampled_from([0.31, 0.47, 0.63]),
    st.sampled_from([1, 10, 100, 1000]),
)
def test_the_choice_is_that_of_the_greedy_definition(
    seed: int, count: int, classes: int, threshold: float, most: int
) -> None:
    random = np.random.default_rng(seed)
    corner = random.integers(0, 30, (count, 2))
    boxes = np.hstack([corner, corner + random.integers(1, 30, (count, 2))]).astype(np.float32)
    # Few different scores, so that there are ties.
    scores = (random.integers(1, 50, count) / 50).astype(np.float32)
    kinds = random.integers(0, classes, count)
    found = suppress(boxes, scores, kinds, threshold, most)
    assert found.tolist() == one_by_one(boxes, scores, kinds, threshold, most)


BOXES = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 20, 10, 30]], np.float32)
SCORES = np.array([0.5, 0.9, 0.7], np.float32)


def test_an_overlapping_box_of_the_same_class_goes() -> None:
    assert suppress(BOXES, SCORES, np.zeros(3, int), 0.5, 100).tolist() == [1, 2]


def test_an_overlapping_box_of_another_class_stays() -> None:
    assert suppress(BOXES, SCORES, np.arange(3), 0.5, 100).tolist() == [1, 2, 0]


def test_an_overlap_at_the_threshold_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5]], np.float32)
    assert suppress(boxes, SCORES[:2], np.zeros(2, int), 0.5, 100).tolist() == [1, 0]


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_than_asked_for_are_chosen(most: int) -> None:
    assert suppress(BOXES, SCORES, np.arange(3), 0.5, most).tolist() == [1, 2][:most]


def test_boxes_without_extent_overlap_nothing() -> None:
    boxes = np.zeros((3, 4), np.float32)
    assert suppress(boxes, SCORES, np.zeros(3, int), 0.5, 100).tolist() == [1, 2, 0]


def test_a_box_without_end_has_its_class_and_takes_no_other_with_it() -> None:
    boxes = np.array([[0, 0, np.inf, 10], [0, 0, 10, 9], [0, 0, 10, 10]], np.float32)
    assert suppress(boxes, SCORES, np.array([0, 1, 1]), 0.5, 100).tolist() == [1, 0]
