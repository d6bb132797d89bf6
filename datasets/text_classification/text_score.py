"""Scoring of texts' classes: accuracy and F1."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.classes.top_classes import score_top
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.task import Answer, Score

ACCURACY = ScoreMetric("accuracy")
F1 = ScoreMetric("f1")


def score_texts(
    answers: Iterable[Answer], labels: NDArray[np.int64], metric: ScoreMetric, classes: int
) -> Score:
    """Compare answers with labels; every sample must be answered, see ``score_top``.

    Args:
        answers: In any order, a class each as one ``<f4``.
        labels: The true class of each sample, ``(samples,)``.
        metric: ``ACCURACY`` or ``F1``.
        classes: How many the model tells apart.

    Returns:
        ``value`` is in percent; ``details`` has both metrics and the counts.

    Raises:
        WorkError: A sample is not answered, or with what is no class.
    """
    first: dict[int, float] = {}
    given = []
    for answer in answers:
        given.append(answer)
        if len(answer.payload) == 4:
            first.setdefault(answer.index, float(np.frombuffer(answer.payload, "<f4")[0]))
    top = score_top(given, labels)
    found = np.array([first[index] for index in range(len(labels))], np.int64)
    values = {ACCURACY.name: top.value, F1.name: 100.0 * f1(labels, found, classes)}
    line = f"{top.line}, f1={values[F1.name]:.3f}%"
    return Score(metric, values[metric.name], len(labels), line, {**top.details, **values})


def f1(labels: NDArray[np.int64], found: NDArray[np.int64], classes: int) -> float:
    """F1, 0 to 1: 2 TP / (2 TP + FP + FN).

    Of two classes it is that of class 1, as GLUE takes it; of more the mean over the classes that
    labels or answers have, which is scikit-learn's ``macro``. Without any class 1 it is 0.

    Args:
        labels: The true class of each sample.
        found: The answered one, same shape.
        classes: How many the model tells apart.
    """
    among = [1] if classes == 2 else np.union1d(labels, found).tolist()
    parts = []
    for each in among:
        either = np.count_nonzero(labels == each) + np.count_nonzero(found == each)
        both = np.count_nonzero((labels == each) & (found == each))
        parts.append(2 * both / either if either else 0.0)
    return sum(parts) / len(parts)
