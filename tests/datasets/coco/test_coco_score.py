import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadscope.datasets.object_detection.coco import Coco
from loadscope.datasets.task import Answer, Score
from loadscope.errors import WorkError

Content = dict[str, Any]
LayOut = Callable[[Content], Path]
Box = tuple[float, float, float, float]


def row(index: int, box: Box, category: int, score: float = 0.9) -> bytes:
    """A row for a box of left, top, width, height in an image of 30 x 20 pixels."""
    left, top, width, height = box
    corners = (top / 20, left / 30, (top + height) / 20, (left + width) / 30)
    return struct.pack("<7f", index, *corners, score, category)


RIGHT = {
    0: row(0, (2, 3, 10, 8), 1) + row(0, (15, 5, 10, 10), 3),
    1: row(1, (0.5, 0.5, 20, 15.5), 3),
    2: b"",
}


def score(folder: Path, payloads: dict[int, bytes], limit: int | None = None) -> Score:
    answers = [Answer(index, payload) for index, payload in payloads.items()]
    return Coco.read(folder, limit, 2).score(answers)


def test_every_box_found_is_a_hundred_percent(lay_out: LayOut, content: Content) -> None:
    found = score(lay_out(content), RIGHT)
    assert (found.metric.name, found.line, found.samples) == ("mAP", "mAP=100.000%", 3)
    assert (found.details["AP50"], found.details["boxes"], found.details["empty"]) == (100, 3, 1)


def test_half_of_the_categories_is_half_of_the_mean(lay_out: LayOut, content: Content) -> None:
    payloads = {**RIGHT, 0: row(0, (15, 5, 10, 10), 3)}
    assert score(lay_out(content), payloads).value == pytest.approx(50)


def test_nothing_found_at_all_is_zero(lay_out: LayOut, content: Content) -> None:
    assert score(lay_out(content), dict.fromkeys(range(3), b"")).line == "mAP=0.000%"


def test_a_box_that_is_not_there_costs_precision(lay_out: LayOut, content: Content) -> None:
    # The wrong one scores higher: at every recall one of two is right, or two of three.
    payloads = {**RIGHT, 2: row(2, (5, 5, 5, 5), 1, 0.95)}
    assert score(lay_out(content), payloads).value == pytest.approx(75)


def test_a_box_of_a_crowd_counts_neither_way(lay_out: LayOut, content: Content) -> None:
    content["annotations"].append(
        {"id": 9, "image_id": 68, "category_id": 1, "bbox": [0, 0, 30, 20], "iscrowd": 1}
    )
    payloads = {**RIGHT, 2: row(2, (5, 5, 5, 5), 1, 0.95)}
    assert score(lay_out(content), payloads).value == pytest.approx(100)


def test_of_several_answers_the_first_counts(lay_out: LayOut, content: Content) -> None:
    answers = [*(Answer(*item) for item in RIGHT.items()), Answer(0, b"")]
    dataset = Coco.read(lay_out(content), classes=2)
    assert dataset.score(answers).value == pytest.approx(100)


def test_only_the_first_images_count_with_a_limit(lay_out: LayOut, content: Content) -> None:
    found = score(lay_out(content), {0: RIGHT[0]}, limit=1)
    assert found.value == pytest.approx(100)
    assert found.samples == 1


def test_chosen_images_without_any_box_have_no_score(lay_out: LayOut, content: Content) -> None:
    dataset = Coco.read(lay_out(content), classes=2)
    answers = [Answer(index, payload) for index, payload in RIGHT.items()]
    with pytest.raises(WorkError, match="none of the 1 images has a box to be found"):
        dataset.score(answers, among=[2])


@pytest.mark.parametrize(
    ("payloads", "reason"),
    [
        ({0: b"", 1: b""}, "sample 2 is not answered"),
        ({0: b""}, r"sample 1 is not answered \(1 more like it\)"),
        ({**RIGHT, 3: b""}, "sample 3 is not among the 3 samples"),
        ({**RIGHT, 1: b"\0" * 27}, "sample 1 is answered with 27 bytes, not a multiple of 28"),
        ({**RIGHT, 1: RIGHT[0]}, "sample 1 is answered with boxes of sample 0"),
        ({**RIGHT, 2: row(2, (5, 5, 5, 5), 2)}, "sample 2 is answered with a category that"),
        ({**RIGHT, 2: row(2, (5, 5, 5, 5), 1, float("nan"))}, "a number that is not finite"),
    ],
)
def test_answers_that_cannot_be_are_refused(
    lay_out: LayOut, content: Content, payloads: dict[int, bytes], reason: str
) -> None:
    with pytest.raises(WorkError, match=reason):
        score(lay_out(content), payloads)


def test_nothing_is_printed(
    lay_out: LayOut, content: Content, capfd: pytest.CaptureFixture[str]
) -> None:
    score(lay_out(content), RIGHT)
    assert capfd.readouterr() == ("", "")


def test_against_a_models_own_answers_the_figure_is_agreement(
    lay_out: LayOut, content: Content
) -> None:
    content["info"] = {"golden": "some model, float32"}
    found = score(lay_out(content), RIGHT)
    assert (found.metric.name, found.line) == ("agreement", "agreement=100.000%")


def test_some_samples_are_scored_as_a_data_set_of_their_own(
    lay_out: LayOut, content: Content
) -> None:
    dataset = Coco.read(lay_out(content), None, 2)
    answers = [Answer(index, payload) for index, payload in {**RIGHT, 0: b""}.items()]
    # Only sample 1 is right, and it has a category of its own among 1 and 2.
    assert dataset.score(answers).value < 60
    part = dataset.score(answers[1:], among=[2, 1])
    assert part.value == pytest.approx(100)
    assert (part.samples, part.details["boxes"]) == (2, 1)
    with pytest.raises(WorkError, match="sample 1 is not answered"):
        dataset.score(answers[:2], among=[1, 2])


def test_a_box_of_another_sample_is_found_among_some_too(lay_out: LayOut, content: Content) -> None:
    dataset = Coco.read(lay_out(content), None, 2)
    with pytest.raises(WorkError, match="sample 1 is answered with rows of sample 0"):
        dataset.score([Answer(1, row(0, (0, 0, 5, 5), 1))], among=[1])
