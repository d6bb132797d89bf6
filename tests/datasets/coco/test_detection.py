from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loadscope.datasets.object_detection.coco_categories import CATEGORY_IDS
from loadscope.datasets.object_detection.detection import postprocess
from loadscope.datasets.object_detection.detection_spec import BoxesSpec, GridsSpec, HeadSpec
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

SIZE = 32
HEAD = HeadSpec("yolo11", "output0", 0.25, 0.5)
SSD: dict[str, Any] = {
    "kind": "boxes",
    "boxes": "b",
    "scores": "s",
    "labels": "l",
    "form": "yxyx-parts",
    "label_map": "category-ids",
}


def whole(index: int) -> np.ndarray[Any, Any]:
    """A square image that fills the model's input."""
    return np.array([[0] * 4, [1 / SIZE] * 4], np.float32)


def rows(
    spec: HeadSpec | GridsSpec | BoxesSpec, outputs: Tensors, indices: Sequence[int] = (5,)
) -> Any:
    return [each.tolist() for each in postprocess(spec, SIZE, whole)(outputs, indices)]


def head(*columns: tuple[int, list[float]], images: int = 1) -> Tensors:
    """YOLO11's output of 80 classes, three anchors and these columns, one an image."""
    output = np.zeros((images, 84, 3), np.float32)
    for image, (label, box) in enumerate(columns):
        output[image, :4, 1] = box
        output[image, 4 + label, 1] = 0.5
    return {"output0": output}


def ssd(**changes: Any) -> Tensors:
    outputs = {
        "b": np.array([[[0.25, 0.5, 0.75, 1], [0, 0, 0.5, 0.5]]], np.float32),
        "s": np.array([[0.5, 0.75]], np.float32),
        "l": np.array([[90, 1]], np.float32),
    }
    return {**outputs, **changes}


def test_there_are_80_categories_from_1_to_90() -> None:
    assert (len(set(CATEGORY_IDS.tolist())), CATEGORY_IDS[0], CATEGORY_IDS[-1]) == (80, 1, 90)


def test_a_row_is_sample_box_score_and_category() -> None:
    # The centre at (16, 8), 8 wide and 4 high; class 11 is category 13, for 12 is not used.
    assert rows(HEAD, head((11, [16, 8, 8, 4]))) == [
        [[5, 6 / 32, 12 / 32, 10 / 32, 20 / 32, 0.5, 13]]
    ]


def test_each_sample_has_its_own_payload() -> None:
    outputs = head((0, [16, 8, 8, 4]), (79, [16, 8, 8, 4]), images=2)
    found = rows(HEAD, outputs, (3, 9))
    assert [(row[0], row[6]) for (row,) in found] == [(3, 1), (9, 90)]


def test_an_image_without_objects_has_an_empty_payload() -> None:
    (payload,) = postprocess(HEAD, SIZE, whole)(head(), [5])
    assert (payload.shape, payload.dtype.str) == ((0, 7), "<f4")


def test_payloads_are_what_loadgen_can_be_handed() -> None:
    for payload in postprocess(HEAD, SIZE, whole)(head((0, [16, 8, 8, 4])), [5]):
        assert payload.dtype.str == "<f4"
        assert payload.flags.c_contiguous


def test_boxes_are_cut_at_the_edges_of_the_image() -> None:
    assert rows(HEAD, head((0, [0, 30, 8, 10])))[0][0][1:5] == [25 / 32, 0, 1, 4 / 32]


def test_boxes_go_back_to_the_image_that_was_letterboxed() -> None:
    def frame(index: int) -> np.ndarray[Any, Any]:
        # 64 x 16 pixels at half size, 12 pixels down.
        return np.array([[12, 0, 12, 0], [1 / 8, 1 / 32, 1 / 8, 1 / 32]], np.float32)

    ((row,),) = postprocess(HEAD, SIZE, frame)(head((0, [16, 16, 8, 4])), [5])
    assert row[1:5].tolist() == [2 / 8, 12 / 32, 6 / 8, 20 / 32]


def test_boxes_of_ssd_come_best_first() -> None:
    assert rows(BoxesSpec(**SSD), ssd()) == [
        [[5, 0, 0, 0.5, 0.5, 0.75, 1], [5, 0.25, 0.5, 0.75, 1, 0.5, 90]]
    ]


@pytest.mark.parametrize(
    ("form", "box"),
    [
        ("yxyx-parts", [0.25, 0.5, 0.75, 1]),
        ("xyxy-parts", [0.5, 0.25, 1, 0.75]),
        ("xyxy-pixels", [16, 8, 32, 24]),
    ],
)
def test_every_form_of_box_gives_the_same(form: str, box: list[float]) -> None:
    outputs = ssd(b=np.array([[box, box]], np.float32))
    spec = BoxesSpec(**{**SSD, "form": form})
    assert rows(spec, outputs)[0][0][1:5] == [0.25, 0.5, 0.75, 1]


def test_the_count_of_valid_boxes_is_kept_to() -> None:
    outputs = ssd(n=np.array([1], np.float32))
    assert [row[5] for row in rows(BoxesSpec(**SSD, count="n"), outputs)[0]] == [0.5]


def test_boxes_below_the_threshold_are_dropped() -> None:
    found = rows(BoxesSpec(**SSD, score_threshold=0.6), ssd())
    assert [row[5] for row in found[0]] == [0.75]


def test_no_more_boxes_than_asked_for_are_kept() -> None:
    assert [row[5] for row in rows(BoxesSpec(**SSD, most=1), ssd())[0]] == [0.75]


@pytest.mark.parametrize(("label_map", "label"), [("coco-80", 79), ("coco-80-from-1", 80)])
def test_labels_without_gaps_become_category_ids(label_map: str, label: int) -> None:
    outputs = ssd(l=np.array([[label, label]], np.int64))
    found = rows(BoxesSpec(**{**SSD, "label_map": label_map}), outputs)
    assert found[0][0][6] == 90


@pytest.mark.parametrize(("label_map", "label"), [("coco-80", 80), ("coco-80-from-1", 0)])
def test_a_label_that_is_no_category_is_refused(label_map: str, label: int) -> None:
    outputs = ssd(l=np.array([[1, label]], np.int64))
    with pytest.raises(WorkError, match=f"label {label} for sample 5 is none of the 80"):
        rows(BoxesSpec(**{**SSD, "label_map": label_map}), outputs)


def test_classes_become_the_data_sets_own_category_ids() -> None:
    ids = (10, 11, 12)
    three = {"output0": head((1, [16, 8, 8, 4]))["output0"][:, :7]}
    assert postprocess(HEAD, SIZE, whole, ids)(three, [5])[0][0, 6] == 11
    outputs = ssd(l=np.array([[3, 1]], np.int64))
    spec = BoxesSpec(**{**SSD, "label_map": "coco-80-from-1"})
    assert postprocess(spec, SIZE, whole, ids)(outputs, [5])[0][:, 6].tolist() == [10, 12]
    with pytest.raises(WorkError, match="label 4 for sample 5 is none of the 3 categories"):
        postprocess(spec, SIZE, whole, ids)(ssd(l=np.array([[4, 1]], np.int64)), [5])


ONE = BoxesSpec(**{**SSD, "kind": "boxes-of-one"})


def test_outputs_without_a_batch_axis_are_those_of_one_image() -> None:
    outputs = {name: array[0] for name, array in ssd().items()}
    assert rows(ONE, outputs) == rows(BoxesSpec(**SSD), ssd())


def test_outputs_without_a_batch_axis_cannot_answer_two_samples() -> None:
    with pytest.raises(WorkError, match="those of one image, and 2 were asked for"):
        rows(ONE, ssd(), (5, 6))


@pytest.mark.parametrize(
    ("spec", "outputs", "reason"),
    [
        (HEAD, {"other": np.zeros(1)}, "no output 'output0'"),
        (HEAD, {"output0": np.zeros((2, 84, 3))}, r"shape \(2, 84, 3\) for 1 samples"),
        (HEAD, {"output0": np.zeros((1, 84))}, r"shape \(1, 84\) for 1 samples"),
        (HEAD, {"output0": np.full((1, 84, 3), np.nan)}, "is NaN for sample 5"),
        (BoxesSpec(**SSD), ssd(s=np.array([[0.5, np.nan]])), "'s' is NaN for sample 5"),
        (BoxesSpec(**SSD, count="n"), ssd(), "no output 'n'"),
    ],
)
def test_outputs_that_are_not_as_declared_are_refused(
    spec: HeadSpec, outputs: Tensors, reason: str
) -> None:
    with pytest.raises(WorkError, match=reason):
        rows(spec, outputs)


def test_nan_is_laid_to_its_own_sample() -> None:
    outputs = head((0, [16, 8, 8, 4]), (0, [16, 8, 8, 4]), images=2)
    outputs["output0"][1, 7, 2] = np.nan
    with pytest.raises(WorkError, match="NaN for sample 9"):
        rows(HEAD, outputs, (3, 9))


def nanodets_grids() -> Tensors:
    """NanoDet-g's outputs of a 32 x 32 input, 80 classes and 11 bins a side, nothing in them."""
    cells = (16, 4, 1)
    grids = {f"s{at}": np.zeros((1, count, 80), np.float32) for at, count in enumerate(cells)}
    return grids | {
        f"b{at}": np.zeros((1, count, 44), np.float32) for at, count in enumerate(cells)
    }


def sides(*distances: float) -> NDArray[np.float32]:
    """Left, top, right and bottom in cells, each as a distribution over 11 bins."""
    parts = np.full((4, 11), 1e-20, np.float32)
    for side, distance in enumerate(distances):
        low = int(distance)
        parts[side, low], parts[side, low + 1] = 1 + low - distance, distance - low
    bins: NDArray[np.float32] = np.log(np.maximum(parts, 1e-20)).ravel()
    return bins


def test_nanodets_grids_become_rows_of_the_image_and_the_worse_of_two_boxes_goes() -> None:
    spec = GridsSpec("nanodet", ("s0", "s1", "s2"), ("b0", "b1", "b2"), 0.3, 0.6)
    outputs = nanodets_grids()
    # Class 16 is category 18. Column 1 of row 0 of the grid of 8 pixels: the middle is (12, 4),
    # and the box from (4, 4) to (20, 20).
    outputs["s0"][0, 1, 16], outputs["b0"][0, 1] = 0.5, sides(1, 0, 1, 2)
    # Its neighbour's lies 8 pixels to the right: a third of both is common, so it stays.
    outputs["s0"][0, 2, 16], outputs["b0"][0, 2] = 0.4, sides(1, 0, 1, 2)
    # Column 1 of row 1 of the grid of 16: from (8, 24) to (24, 40), 8 pixels below the image.
    outputs["s1"][0, 3, 16], outputs["b1"][0, 3] = 0.9, sides(1, 0, 0, 1)
    # The one cell of 32 pixels: the middle is (16, 16), and the box the first one again.
    outputs["s2"][0, 0, 16], outputs["b2"][0, 0] = 0.35, sides(0.375, 0.375, 0.125, 0.125)
    found = rows(spec, outputs)
    np.testing.assert_allclose(
        found[0],
        [
            [5, 24 / 32, 8 / 32, 1, 24 / 32, 0.9, 18],
            [5, 4 / 32, 4 / 32, 20 / 32, 20 / 32, 0.5, 18],
            [5, 4 / 32, 12 / 32, 20 / 32, 28 / 32, 0.4, 18],
        ],
        rtol=1e-5,
    )
    # Of another class the same box is another thing.
    outputs["s2"][0, 0, [16, 0]] = 0, 0.35
    np.testing.assert_allclose(
        rows(spec, outputs)[0][3], [5, *np.array([4, 4, 20, 20]) / 32, 0.35, 1], rtol=1e-5
    )
