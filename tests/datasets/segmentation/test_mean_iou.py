"""Scores worked by hand, and what holds of all of them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from loadscope.datasets.semantic_segmentation.class_maps import packed
from loadscope.datasets.semantic_segmentation.mean_iou import confusion, score_maps
from loadscope.datasets.task import Answer, Score
from loadscope.errors import WorkError

Rows = list[list[int]]


def score(masks: list[Rows], answers: list[Rows], classes: int = 3) -> Score:
    given = [
        Answer(index, packed(np.array(each, np.int32)).tobytes())
        for index, each in enumerate(answers)
    ]
    truth = [np.array(each, np.uint8) for each in masks]
    return score_maps(given, truth.__getitem__, len(masks), classes)


def test_a_score_worked_by_hand() -> None:
    # Class 0: 1 pixel in both of 3 in either; class 1: 1 of 4; class 2: 1 of 2.
    found = score([[[0, 0, 1], [1, 2, 1]]], [[[0, 1, 1], [0, 2, 2]]])
    ious = {"0": 100 / 3, "1": 25.0, "2": 50.0}
    assert found.details["iou"] == pytest.approx(ious)
    assert found.value == pytest.approx(sum(ious.values()) / 3)
    assert found.details["pixel_accuracy"] == pytest.approx(50)
    assert found.line == "mIoU=36.111%, pixel accuracy=50.000%, classes=3, total=1"


def test_pixels_are_counted_over_the_whole_data_set() -> None:
    # Class 1: 4 pixels in both of 4 + 1; a mean over the two pictures would be (100 + 0) / 2.
    found = score([[[1, 1, 1, 1]], [[0, 0, 0, 1]]], [[[1, 1, 1, 1]], [[0, 0, 0, 0]]])
    assert found.details["iou"] == pytest.approx({"0": 75.0, "1": 80.0})


def test_all_background_is_one_class_and_others_are_left_out() -> None:
    found = score([[[0, 0], [0, 0]]], [[[0, 0], [0, 0]]], classes=21)
    assert (found.value, found.details["classes"]) == (100.0, 1)
    # A class that is answered and is not there has an IoU of 0, and counts.
    assert score([[[0, 0], [0, 0]]], [[[0, 0], [0, 7]]], classes=21).value == 37.5


def test_ignored_pixels_do_not_count_whatever_is_answered() -> None:
    found = score([[[0, 255], [1, 255]]], [[[0, 2], [1, 1]]])
    assert (found.value, found.details["pixels"]) == (100.0, 2)
    with pytest.raises(WorkError, match="no pixel of the masks counts"):
        score([[[255, 255]]], [[[0, 0]]])


def test_a_mask_of_another_size_takes_the_class_at_each_pixels_place() -> None:
    found = confusion(np.array([[0, 0, 1, 1]], np.uint8), np.array([[0, 1], [2, 2]], np.int32), 3)
    # The centre of the one row is at the border of the two, and belongs to the lower one.
    assert found.tolist() == [[0, 0, 2], [0, 0, 2], [0, 0, 0]]
    wide = confusion(np.array([[0, 0, 1, 1]] * 2, np.uint8), np.array([[0, 1]], np.int32), 3)
    assert wide.tolist() == [[4, 0, 0], [0, 4, 0], [0, 0, 0]]
    finer = confusion(np.array([[1]], np.uint8), np.arange(9, dtype=np.int32).reshape(3, 3), 9)
    assert finer[1].argmax() == 4


def test_any_masks_answered_by_themselves_are_right_and_a_renaming_changes_nothing() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        sides = random.integers(1, 9, 2)
        masks = [random.integers(0, 5, sides).tolist() for _ in range(3)]
        answers = [random.integers(0, 5, sides).tolist() for _ in range(3)]
        assert score(masks, masks, 5).value == 100
        found = score(masks, answers, 5)
        assert found.value <= max(found.details["iou"].values())
        names = random.permutation(5)
        other_masks, other_answers = (
            [names[np.array(each)].tolist() for each in maps] for maps in (masks, answers)
        )
        renamed = score(other_masks, other_answers, 5)
        assert renamed.value == pytest.approx(found.value)
        # It is symmetric: swapping truth and answer swaps what is missed and what is too much.
        assert score(answers, masks, 5).value == pytest.approx(found.value)


def test_the_first_of_several_answers_counts() -> None:
    mask: NDArray[np.uint8] = np.zeros((1, 1), np.uint8)
    right, wrong = (packed(np.array([[number]], np.int32)).tobytes() for number in (0, 1))
    given = [Answer(0, right), Answer(0, wrong)]
    assert score_maps(given, lambda index: mask, 1, 2).value == 100


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([], r"sample 0 is not answered \(1 more like it\)"),
        ([(0, b"\1\0\1\0\2"), (1, b"\1\0\1\0\0")], "sample 0 is answered with class 2 of 2"),
        ([(0, b"\1\0\1\0\377\377\377\377")], "sample 0 is answered with class -1 of 2"),
        ([(0, b"\2\0\2\0\0")], "sample 0 is answered with 5 bytes, no map"),
        ([(0, b"")], "sample 0 is answered with 0 bytes, no map"),
        ([(0, b"\0\0\0\0")], "sample 0 is answered with 4 bytes, no map"),
        ([(2, b"\1\0\1\0\0")], "sample 2 is not among the 2 samples"),
    ],
)
def test_what_is_no_answer_is_refused(answers: list[tuple[int, bytes]], said: str) -> None:
    masks = np.zeros((2, 1, 1), np.uint8)
    with pytest.raises(WorkError, match=said):
        score_maps([Answer(*each) for each in answers], masks.__getitem__, 2, 2)


def test_a_label_outside_the_models_classes_is_refused() -> None:
    with pytest.raises(WorkError, match="the mask of sample 0 has class 9, the model tells 3"):
        score([[[9]]], [[[0]]])
