from typing import Any

import pytest

from loadscope.datasets.object_detection.detection_spec import BoxesSpec, HeadSpec

YOLOX = HeadSpec("yolox", "output", 0.01, 0.65)
SSD: dict[str, Any] = {
    "kind": "boxes",
    "boxes": "b",
    "scores": "s",
    "labels": "l",
    "form": "xyxy-parts",
    "label_map": "coco-80",
}


@pytest.mark.parametrize(
    ("kind", "shape"), [("yolox", (3549, 85)), ("yolo11", (84, 3549)), ("yolo11", (84, 8400))]
)
def test_the_shape_of_a_head_fits(kind: Any, shape: tuple[int, ...]) -> None:
    assert HeadSpec(kind, "output", 0.01, 0.65).misfit({"output": shape}, 80, 416) == ""


@pytest.mark.parametrize(
    ("kind", "shape", "reason"),
    [
        ("yolox", (8400, 85), "is not one of 3549 anchors and 5 + 80 classes"),
        ("yolox", (3549, 84), "is not one of 3549 anchors"),
        ("yolo11", (85, 8400), r"is not one of 4 + 80 classes"),
    ],
)
def test_another_shape_of_a_head_does_not(kind: Any, shape: tuple[int, ...], reason: str) -> None:
    assert reason in HeadSpec(kind, "output", 0.01, 0.65).misfit({"output": shape}, 80, 416)


def test_an_output_that_is_not_declared_is_named() -> None:
    assert "reads 'output', which is not among: boxes" in YOLOX.misfit({"boxes": (4,)}, 80, 416)


@pytest.mark.parametrize(("kind", "boxes"), [("boxes", (100, 4)), ("boxes-of-one", (4,))])
def test_the_shapes_of_boxes_fit(kind: str, boxes: tuple[int, ...]) -> None:
    spec = BoxesSpec(**{**SSD, "kind": kind})
    assert spec.misfit({"b": boxes, "s": (100,), "l": (100,)}, 80, 300) == ""
    assert "not one of boxes of 4 numbers" in spec.misfit({"b": (5,), "s": (), "l": ()}, 80, 300)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "yolo5"}, "kind is 'yolo5'"),
        ({"output": ""}, "output names no tensor"),
        ({"score_threshold": 1.0}, "score_threshold is 1.0"),
        ({"iou_threshold": -0.1}, "iou_threshold is -0.1"),
        ({"most": 0}, "most is 0"),
    ],
)
def test_a_senseless_head_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        HeadSpec(**{**vars(YOLOX), **change})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "box"}, "kind is 'box'"),
        ({"form": "xywh"}, "form is 'xywh'"),
        ({"label_map": "voc"}, "label_map is 'voc'"),
        ({"scores": ""}, "scores names no tensor"),
    ],
)
def test_senseless_boxes_are_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        BoxesSpec(**{**SSD, **change})
