"""Dice coefficients worked by hand, and scores of whole logs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from loadscope.datasets.task import Answer, Score
from loadscope.datasets.volume_segmentation.dice import dice, score_volumes
from loadscope.errors import WorkError

NAMES = ("kidney", "tumor")


def volume(*rows: list[int]) -> NDArray[np.uint8]:
    return np.array([rows], np.uint8)


def score(truths: list[NDArray[np.uint8]], answers: list[NDArray[np.uint8]]) -> Score:
    given = [Answer(at, each.tobytes()) for at, each in enumerate(answers)]
    return score_volumes(given, truths.__getitem__, len(truths), NAMES)


def test_coefficients_worked_by_hand() -> None:
    # Kidney: 2 voxels in both, of 3 and 3. Tumour: 1 in both, of 2 and 1.
    found = dice(volume([0, 1, 1, 1], [2, 2, 0, 0]), volume([0, 1, 1, 0], [2, 1, 0, 0]), 2)
    assert found == pytest.approx([2 * 2 / 6, 2 * 1 / 3], abs=1e-6)


def test_a_score_is_a_mean_over_volumes_and_classes_in_the_official_form() -> None:
    truths = [volume([0, 1, 1, 1], [2, 2, 0, 0]), volume([1, 1], [2, 2])]
    found = score(truths, [volume([0, 1, 1, 0], [2, 1, 0, 0]), truths[1]])
    assert found.details["classes"] == pytest.approx({"kidney": 5 / 6, "tumor": 5 / 6}, abs=1e-6)
    assert found.value == pytest.approx(5 / 6, abs=1e-6)
    assert found.line == "Accuracy: mean = 0.83333, kidney = 0.8333, tumor = 0.8333"


def test_all_background_is_right_and_a_class_that_is_not_there_is_wrong() -> None:
    nothing = volume([0, 0], [0, 0])
    assert score([nothing], [nothing]).value == 1
    assert score([nothing], [volume([0, 2], [0, 0])]).value == pytest.approx(0.5, abs=1e-6)
    everything = np.ones_like(nothing)
    assert dice(everything, nothing, 2)[0] == pytest.approx(1e-6 / 4, rel=1e-3)


def test_any_masks_answered_by_themselves_are_right_and_swapping_changes_nothing() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        a, b = random.integers(0, 3, (2, 3, 4, 5)).astype(np.uint8)
        assert dice(a, a, 2) == pytest.approx([1, 1])
        assert dice(a, b, 2) == pytest.approx(dice(b, a, 2))
        both = [2 * ((a == one) & (b == one)).sum() / ((a == one).sum() + (b == one).sum())
                for one in (1, 2)]  # fmt: skip
        assert dice(a, b, 2) == pytest.approx(both, abs=1e-6)


def test_the_first_of_several_answers_counts() -> None:
    truth = volume([1, 2])
    given = [Answer(0, truth.tobytes()), Answer(0, bytes(2))]
    assert score_volumes(given, lambda index: truth, 1, NAMES).value == 1


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([], "sample 0 is not answered"),
        ([(3, b"")], "sample 3 is not among the 1 samples"),
        ([(0, b"\1")], "answered with 1 bytes, expected one for each of 2 voxels"),
        ([(0, b"\1\3")], "sample 0 is answered with class 3 of 2"),
    ],
)
def test_what_is_no_answer_is_refused(answers: list[tuple[int, bytes]], said: str) -> None:
    with pytest.raises(WorkError, match=said):
        score_volumes([Answer(*each) for each in answers], lambda at: volume([1, 2]), 1, NAMES)
