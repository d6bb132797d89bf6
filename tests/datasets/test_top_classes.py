import struct

import numpy as np
import pytest

from loadscope.datasets.classes.top_classes import score_top
from loadscope.datasets.task import Answer
from loadscope.errors import WorkError

LABELS = np.array([7, 0, 999, 3, 3])


def answers(*classes: float) -> list[Answer]:
    return [Answer(index, struct.pack("<f", value)) for index, value in enumerate(classes)]


def test_right_answers_are_counted_by_hand() -> None:
    score = score_top(answers(7, 0, 998, 3, 4), LABELS)
    assert (score.metric.name, score.value, score.samples) == ("top-1", 60.0, 5)
    assert score.details == {"good": 3, "total": 5}
    assert score.line == "accuracy=60.000%, good=3, total=5"


def test_the_line_has_three_decimals() -> None:
    labels = np.zeros(200, np.int64)
    given = answers(*[0] * 180, *[1] * 20)
    assert score_top(given, labels).line == "accuracy=90.000%, good=180, total=200"


def test_the_order_of_answers_does_not_matter() -> None:
    assert score_top(reversed(answers(7, 0, 999, 3, 0)), LABELS).value == 80.0


def test_the_background_class_is_an_answer_and_never_right() -> None:
    assert score_top(answers(-1, -1, 999, 3, 3), LABELS).details["good"] == 3


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (answers(7, 0, 999, 3), "sample 4 is not answered"),
        ([], r"sample 0 is not answered \(4 more"),
        ([*answers(7, 0, 999, 3, 3), Answer(5, b"\0\0\0\0")], "sample 5 is not among the 5"),
        ([*answers(7, 0, 999, 3, 3), Answer(-1, b"\0\0\0\0")], "sample -1 is not among"),
        (answers(7, 0, float("nan"), 3, 3), "sample 2 is answered with nan"),
        (answers(7, 0, float("inf"), 3, 3), "sample 2 is answered with inf"),
        (answers(7, 0.5, 999, 3, 3), "sample 1 is answered with 0.5"),
        (answers(7, 0, 999, 3, -2), "sample 4 is answered with -2.0"),
        ([*answers(7, 0, 999, 3), Answer(4, b"")], "sample 4 is answered with 0 bytes"),
        ([*answers(7, 0, 999, 3), Answer(4, b"\3" + b"\0" * 7)], "sample 4 is answered with 8"),
    ],
)
def test_answers_that_are_not_one_class_a_sample_are_refused(
    given: list[Answer], reason: str
) -> None:
    with pytest.raises(WorkError, match=reason):
        score_top(given, LABELS)


def test_answers_in_big_endian_order_are_not_taken_for_classes() -> None:
    given = [Answer(index, struct.pack(">f", value)) for index, value in enumerate(LABELS)]
    with pytest.raises(WorkError, match="which is no class"):
        score_top(given, LABELS)


def test_fifty_thousand_answers_are_scored() -> None:
    labels = np.random.default_rng(1).integers(0, 1000, 50_000)
    given = answers(*np.where(np.arange(50_000) % 4 == 0, labels + 1, labels))
    assert score_top(given, labels).line == "accuracy=75.000%, good=37500, total=50000"


def test_of_several_answers_the_first_counts():
    # LoadGen repeats samples to fill MultiStream's last query of eight.
    once = answers(7, 0, 999, 3, 4)
    repeated = [*once, Answer(0, struct.pack("<f", 8))]
    assert score_top(repeated, LABELS).details == score_top(once, LABELS).details


def fives(*rows: tuple[float, ...]) -> list[Answer]:
    return [Answer(index, struct.pack("<5f", *row)) for index, row in enumerate(rows)]


def test_top_5_counts_a_label_among_five_and_says_top_1_beside_it() -> None:
    given = fives(
        (7, 1, 2, 3, 4), (5, 4, 3, 2, 0), (1, 2, 999, 4, 5), (0, 1, 2, 4, 5), (3, -1, 1, 2, 4)
    )
    score = score_top(given, LABELS, "top-5")
    assert (score.metric.name, score.value, score.samples) == ("top-5", 80.0, 5)
    assert score.details == {"good": 4, "total": 5, "top-1": 40.0}
    # The official checker reads the first number, which is top-1's.
    assert score.line == "accuracy=40.000%, good=2, total=5, top-5=80.000%"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((7, 7, 7, 7, 7), "sample 0 is answered with one class several times"),
        ((7, 1, 2.5, 3, 4), "sample 0 is answered with 2.5, which is no class"),
        ((7, 1, 2, 3, float("nan")), "sample 0 is answered with nan"),
    ],
)
def test_five_that_are_no_five_classes_are_refused(row: tuple[float, ...], reason: str) -> None:
    with pytest.raises(WorkError, match=reason):
        score_top(fives(row), LABELS[:1], "top-5")


def test_a_log_of_top_1_is_not_scored_as_top_5() -> None:
    with pytest.raises(WorkError, match=r"answered with 4 bytes, not 20 \(top-5\)"):
        score_top(answers(7, 0, 999, 3, 3), LABELS, "top-5")
