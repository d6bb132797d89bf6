"""AUC, normalised entropy and accuracy worked by hand, and scores of whole logs."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from loadscope.datasets.recommendation.answered import answered, postprocess
from loadscope.datasets.recommendation.click_score import (
    accuracy,
    auc,
    normalised_entropy,
    score_clicks,
)
from loadscope.datasets.recommendation.click_spec import ClickSpec
from loadscope.datasets.task import Answer, Score
from loadscope.errors import WorkError

Row = NDArray[np.float32]


def numbers(*values: float) -> Row:
    return np.array(values, np.float32)


ONES = numbers(1, 1, 1, 1)


def of_scikit_learn(labels: Row, predictions: Row, weights: Row | None = None) -> float:
    # Takes four seconds, which each process would need that collects these tests.
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, predictions, sample_weight=weights))


def test_auc_worked_by_hand() -> None:
    # Of four pairs of a click and none, three are in order.
    assert auc(numbers(0.1, 0.4, 0.35, 0.8), numbers(0, 0, 1, 1), ONES) == 0.75
    # A tie counts half, and so does an answer that says nothing.
    assert auc(numbers(0.1, 0.4, 0.4, 0.8), numbers(0, 0, 1, 1), ONES) == 0.875
    assert auc(numbers(0.3, 0.3, 0.3, 0.3), numbers(0, 0, 1, 1), ONES) == 0.5
    # A weight of 2 is a row twice.
    twice = auc(numbers(0.1, 0.4, 0.4, 0.35, 0.8), numbers(0, 0, 0, 1, 1), np.ones(5, np.float32))
    assert auc(numbers(0.1, 0.4, 0.35, 0.8), numbers(0, 0, 1, 1), numbers(1, 2, 1, 1)) == (
        pytest.approx(twice)
    )


def test_auc_of_one_class_is_refused() -> None:
    for label in (0, 1):
        with pytest.raises(WorkError, match="all rows have one label"):
            auc(numbers(0.1, 0.2), numbers(label, label), numbers(1, 1))


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_scikit_learns_with_ties_and_weights(seed: int) -> None:
    random = np.random.default_rng(seed)
    predictions = (random.integers(0, 12, 300) / 12).astype(np.float32)
    labels = random.integers(0, 2, 300).astype(np.float32)
    weights = random.uniform(0, 3, 300).astype(np.float32)
    expected = of_scikit_learn(labels, predictions, weights)
    assert auc(predictions, labels, weights) == pytest.approx(expected)
    # Any rising function of the numbers leaves it, and a falling one mirrors it.
    assert auc(predictions**3, labels, weights) == pytest.approx(expected)
    assert auc(-predictions, labels, weights) == pytest.approx(1 - expected)


def test_normalised_entropy_worked_by_hand() -> None:
    labels = numbers(1, 0, 0, 0)
    mean = numbers(0.25, 0.25, 0.25, 0.25)
    assert normalised_entropy(mean, labels, ONES) == pytest.approx(1)
    plain = -(math.log(0.25) + 3 * math.log(0.75))
    sure = -(math.log(0.7) + 3 * math.log(0.9))
    found = normalised_entropy(numbers(0.7, 0.1, 0.1, 0.1), labels, ONES)
    assert found == pytest.approx(sure / plain)
    assert math.isfinite(normalised_entropy(numbers(0, 1, 1, 1), labels, ONES))


def test_accuracy_takes_a_half_for_a_click() -> None:
    assert accuracy(numbers(0.5, 0.49, 0.9, 0.1), numbers(1, 0, 0, 0), numbers(1, 1, 2, 4)) == 0.75


def payloads(predictions: Row, truths: list[Row], candidates: int) -> list[bytes]:
    make = postprocess(ClickSpec(kind="probability", output="y"), truths.__getitem__, candidates)
    rows = make({"y": predictions.reshape(-1, 1)}, range(len(truths)))
    return [np.asarray(row).tobytes() for row in rows]


TRUTHS = [numbers(1, 0, 1, 1), numbers(0, 1, 1, 2), numbers(0, 0, 1, 1)]


def test_a_payload_is_that_of_dlrm_v3() -> None:
    given = payloads(numbers(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), TRUTHS, 2)
    assert np.frombuffer(given[1], "<f4") == pytest.approx([0, 1, 0.3, 0.4, 0, 1, 1, 2, 2])
    parts = answered(given[1])
    assert parts is not None and parts.weights.tolist() == [1, 2]
    assert answered(given[1][:-4]) is None and answered(b"") is None


def score(predictions: Row, metric: str = "AUC", best: float | None = None) -> Score:
    given = payloads(predictions, TRUTHS, 2)
    answers = [Answer(at, each) for at, each in enumerate(given)]
    return score_clicks(answers[::-1], TRUTHS.__getitem__, 3, metric, best, "generated clicks")


def test_a_log_is_scored_by_all_metrics_and_in_the_official_form() -> None:
    predictions = numbers(0.9, 0.1, 0.6, 0.4, 0.2, 0.2)
    found = score(predictions, best=0.9)
    labels, weights = numbers(1, 0, 0, 1, 0, 0), numbers(1, 1, 1, 2, 1, 1)
    assert found.value == pytest.approx(auc(predictions, labels, weights))
    # The first query is in order, the second is not, the third has one label.
    assert found.details["grouped_auc"] == 0.5
    assert found.details["best_auc"] == 0.9
    assert found.remark == "generated clicks, best possible AUC 0.9000"
    ne = normalised_entropy(predictions, labels, weights)
    assert score(predictions, "NE").value == pytest.approx(ne)
    assert found.line.startswith(f"metric/lifetime_ne/rating: {ne:.5f}, metric/lifetime_accuracy/")
    assert "metric/lifetime_gauc/rating: 0.50000" in found.line


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda given: given[:2], "sample 2 is not answered"),
        (lambda given: [*given, Answer(3, b"")], "sample 3 is not among the 3 samples"),
        (lambda given: [Answer(0, b"1234")], "answered with 4 bytes, expected 36"),
        (lambda given: [Answer(0, given[1].payload)], "with other labels or weights"),
    ],
)
def test_what_is_no_answer_is_refused(change, said) -> None:
    given = [Answer(at, one) for at, one in enumerate(payloads(numbers(*[0.5] * 6), TRUTHS, 2))]
    with pytest.raises(WorkError, match=said):
        score_clicks(change(given), TRUTHS.__getitem__, 3)


def test_logits_and_what_is_no_likelihood() -> None:
    make = postprocess(ClickSpec(kind="logit", output="y"), TRUTHS.__getitem__, 2)
    (row,) = make({"y": np.array([[0.0], [1000.0]], np.float32)}, [0])
    assert np.asarray(row)[2:4].tolist() == [0.5, 1]
    plain = postprocess(ClickSpec(kind="probability", output="y"), TRUTHS.__getitem__, 2)
    for output, said in (
        ({"z": np.zeros((2, 1))}, "no output 'y'"),
        ({"y": np.zeros((3, 1))}, "for 1 queries of 2 rows"),
        ({"y": np.array([0, 1.5])}, "query 0, no likelihoods"),
        ({"y": np.array([np.nan, 0])}, "query 0, no likelihoods"),
    ):
        with pytest.raises(WorkError, match=said):
            plain(output, [0])


def test_mlperfs_number_of_queries_is_scored() -> None:
    count = 20_000
    random = np.random.default_rng(1)
    predictions = random.random(count).astype(np.float32)
    labels = (random.random(count) < predictions).astype(np.float32)
    rows = np.zeros((count, 6), "<f4")
    rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 4:] = np.arange(count), predictions, labels, 1
    answers = (Answer(at, row.tobytes()) for at, row in enumerate(rows))
    found = score_clicks(answers, lambda at: numbers(labels[at], 1), count)
    assert found.value == pytest.approx(of_scikit_learn(labels, predictions))
