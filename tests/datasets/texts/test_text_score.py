"""Accuracy and F1, worked by hand."""

import numpy as np
import pytest

from loadscope.datasets.task import Answer, Score
from loadscope.datasets.text_classification.text_score import ACCURACY, F1, f1, score_texts
from loadscope.errors import WorkError


def score(labels: list[int], found: list[float], classes: int = 2) -> Score:
    answers = [Answer(at, np.array([each], "<f4").tobytes()) for at, each in enumerate(found)]
    return score_texts(answers, np.array(labels), F1, classes)


def test_a_score_worked_by_hand() -> None:
    # Class 1: 2 right, 1 too much, 1 missed: 2 * 2 / (2 * 2 + 1 + 1).
    found = score([1, 1, 1, 0, 0], [1, 1, 0, 1, 0])
    assert found.value == pytest.approx(200 / 3)
    assert found.details == {"good": 3, "total": 5, "accuracy": 60.0, "f1": found.value}
    assert found.line == "accuracy=60.000%, good=3, total=5, f1=66.667%"


def test_of_more_classes_it_is_the_mean_over_those_that_occur() -> None:
    # Class 0: 2 / (2 + 1); class 2: 2 / (2 + 1); class 1: none right. Class 3 occurs nowhere.
    found = score([0, 0, 2, 1], [0, 2, 2, 0], classes=4)
    assert found.value == pytest.approx(100 * (2 / 4 + 2 / 3 + 0) / 3)


def test_one_class_only() -> None:
    assert score([1, 1], [1, 1]).value == 100
    none = score([0, 0], [0, 0])
    assert (none.value, none.details["accuracy"]) == (0.0, 100.0)


def test_f1_stays_where_it_is_when_samples_change_places_and_truth_and_answer_are_swapped() -> None:
    random = np.random.default_rng(5)
    for classes in (2, 3, 5):
        for _ in range(20):
            labels, found = random.integers(0, classes, (2, 12))
            value = f1(labels, found, classes)
            order = random.permutation(12)
            assert f1(labels[order], found[order], classes) == pytest.approx(value)
            assert f1(found, labels, classes) == pytest.approx(value)
            assert 0 <= value <= 1


def test_the_metric_is_the_one_that_was_asked_for() -> None:
    answers = [Answer(0, np.array([1], "<f4").tobytes())]
    assert score_texts(answers, np.array([0]), ACCURACY, 2).metric == ACCURACY


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([1.0], "sample 1 is not answered"),
        ([1.0, 0.5], "sample 1 is answered with 0.5, which is no class"),
        ([1.0, float("nan")], "sample 1 is answered with nan"),
    ],
)
def test_what_is_no_answer_is_refused(found: list[float], said: str) -> None:
    with pytest.raises(WorkError, match=said):
        score([1, 0], found)
