import numpy as np
import pytest

from loadscope.datasets.object_detection.detection_heads import (
    nanodet,
    yolo11,
    yolox,
    yolox_anchors,
)


@pytest.mark.parametrize(("size", "anchors"), [(32, 16 + 4 + 1), (416, 3549), (640, 8400)])
def test_yolox_has_an_anchor_for_each_cell_of_its_three_grids(size: int, anchors: int) -> None:
    assert yolox_anchors(size) == anchors


def empty_yolox(classes: int = 2) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """What the head of a 32 x 32 input gives where there is nothing: 4 x 4, 2 x 2 and 1 cell."""
    return np.zeros((21, 5 + classes), np.float32)


@pytest.mark.parametrize(
    ("anchor", "box"),
    [
        # Row 1, column 2 of the grid of stride 8: the centre is at ((2 + 0.5) * 8, (1 + 0.25) * 8).
        (6, [10 - 8, 20 - 4, 10 + 8, 20 + 4]),
        # Row 1, column 0 of the grid of stride 16.
        (18, [20 - 16, 8 - 8, 20 + 16, 8 + 8]),
        (20, [8 - 32, 16 - 16, 8 + 32, 16 + 16]),
    ],
)
def test_yolox_boxes_are_offsets_and_logarithms_in_units_of_their_cell(
    anchor: int, box: list[float]
) -> None:
    output = empty_yolox()
    output[anchor] = [0.5, 0.25, 0, np.log(2), 0.8, 0.5, 0]
    found = yolox(output, 32, 0.1)
    assert found.boxes.tolist() == [pytest.approx(box)]


def test_a_yolox_score_is_that_of_any_object_times_that_of_the_class() -> None:
    output = empty_yolox()
    output[3, 4:] = [0.8, 0.5, 0.25]
    found = yolox(output, 32, 0.1)
    assert found.scores.tolist() == pytest.approx([0.4, 0.2])
    assert found.classes.tolist() == [0, 1]


def test_yolox_drops_what_scores_no_more_than_the_threshold() -> None:
    output = empty_yolox()
    output[3, 4:] = [0.5, 0.5, 1]
    assert yolox(output, 32, 0.25).classes.tolist() == [1]


def test_a_yolox_output_without_objects_has_no_candidates() -> None:
    found = yolox(empty_yolox(), 32, 0.01)
    assert (found.boxes.shape, len(found.scores), len(found.classes)) == ((0, 4), 0, 0)


def test_yolo11_boxes_are_centres_and_sides_in_pixels() -> None:
    output = np.zeros((4 + 2, 5), np.float32)
    output[:, 3] = [100, 50, 20, 10, 0.1, 0.7]
    found = yolo11(output, 0.25)
    assert found.boxes.tolist() == [[45, 90, 55, 110]]
    assert found.scores.tolist() == pytest.approx([0.7])
    assert found.classes.tolist() == [1]


def test_every_class_of_a_yolo11_anchor_is_a_candidate() -> None:
    output = np.zeros((4 + 2, 5), np.float32)
    output[:, 3] = [100, 50, 20, 10, 0.3, 0.7]
    assert yolo11(output, 0.25).classes.tolist() == [0, 1]


def test_a_side_of_nanodet_is_the_mean_of_its_bins_from_the_middle_of_the_cell() -> None:
    scores = [np.zeros((16, 2), np.float32), np.zeros((4, 2), np.float32)]
    boxes = [np.zeros((16, 12), np.float32), np.zeros((4, 12), np.float32)]
    # Row 1, column 2 of the grid of stride 8: its middle is at x = 20, y = 12.
    scores[0][6, 1] = 0.7
    # Left, top, right, bottom: bin 0, bin 2, alike for all three, between bins 1 and 2.
    boxes[0][6] = [90, 0, 0, 0, 0, 90, 5, 5, 5, 0, 90, 90]
    found = nanodet(scores, boxes, 32, (8, 16), 0.5)
    assert found.boxes.tolist() == [pytest.approx([12 - 16, 20 - 0, 12 + 12, 20 + 8])]
    assert (found.scores.tolist(), found.classes.tolist()) == ([pytest.approx(0.7)], [1])
    nothing = nanodet(scores, boxes, 32, (8, 16), 0.9)
    assert nothing.boxes.shape == (0, 4)
