"""Scoring of foretold clicks: AUC, normalised entropy and accuracy, as MLPerf's dlrm-v3."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.recommendation.answered import Answered, answered
from loadscope.datasets.recommendation.metric import ACCURACY, AUC, METRICS, NE
from loadscope.datasets.task import Answer, Progress, Score
from loadscope.errors import WorkError

_FIX = "the run is not to be trusted: run accuracy mode again"
_LEAST = 1e-12
"""Likelihoods are kept so far from 0 and 1 (torchrec, metrics/ne.py, eta)."""
_TOLD = 4096

Numbers = NDArray[np.float32]


def score_clicks(
    answers: Iterable[Answer],
    truth: Callable[[int], Numbers],
    samples: int,
    metric: str = AUC.name,
    best: float | None = None,
    remark: str = "",
    progress: Progress | None = None,
) -> Score:
    """Compare likelihoods with clicks.

    All rows count together for AUC, normalised entropy and accuracy. The grouped AUC is a mean
    over the queries that have clicks and rows without and are not answered by one number
    throughout (torchrec, metrics/gauc.py); there is none where queries have one row. Of a
    query's several answers the first counts.

    Args:
        answers: In any order, each of a payload of ``answered.postprocess``.
        truth: Gives a query's labels and weights.
        samples: How many must be answered.
        metric: What ``value`` is.
        best: The AUC that no model can pass but by chance, where it is known.
        remark: Of the data set.
        progress: Told how many queries are done.

    Returns:
        ``details`` has all metrics, ``best_auc`` where it is known; ``line`` has the form of the
        official script's lines.

    Raises:
        WorkError: A query is not answered, or by what is none to it, with other labels say; or
            all labels are the same.
    """
    found: list[Answered | None] = [None] * samples
    done = 0
    for answer in answers:
        if not 0 <= answer.index < samples:
            raise WorkError(f"sample {answer.index} is not among the {samples} samples", _FIX)
        if found[answer.index] is not None:
            continue
        found[answer.index] = _checked(answer, truth(answer.index))
        done += 1
        if progress is not None and (done % _TOLD == 0 or done == samples):
            progress("scoring", done, samples)
    queries = [one for one in found if one is not None]
    if len(queries) < samples:
        missing = next(at for at, one in enumerate(found) if one is None)
        more = f" ({samples - len(queries) - 1} more like it)" if samples - len(queries) > 1 else ""
        raise WorkError(f"sample {missing} is not answered{more}", _FIX)
    predictions, labels, weights = (np.concatenate(part) for part in zip(*queries, strict=True))
    grouped = [value for one in queries if (value := _of_query(one)) is not None]
    values = {
        AUC.name: auc(predictions, labels, weights),
        NE.name: normalised_entropy(predictions, labels, weights),
        ACCURACY.name: accuracy(predictions, labels, weights),
    }
    gauc = float(np.mean(grouped)) if grouped else None
    details: dict[str, float | int | None] = {**values, "grouped_auc": gauc, "rows": len(labels)}
    parts = [remark] if remark else []
    if best is not None:
        details["best_auc"] = best
        parts.append(f"best possible AUC {best:.4f}")
    return Score(
        metric=METRICS[metric],
        value=values[metric],
        samples=samples,
        line=(
            f"metric/lifetime_ne/rating: {values[NE.name]:.5f}, "
            f"metric/lifetime_accuracy/rating: {values[ACCURACY.name]:.5f}, "
            + ("" if gauc is None else f"metric/lifetime_gauc/rating: {gauc:.5f}, ")
            + f"AUC={values[AUC.name]:.5f}, rows={len(labels)}, total={samples}"
        ),
        details=details,
        remark=", ".join(parts),
    )


def auc(predictions: Numbers, labels: Numbers, weights: Numbers) -> float:
    """The area under the curve of true over false positives, 0 to 1, weighted.

    It is the likelihood that a row with a click has a higher number than one without; a tie
    counts half.

    Args:
        predictions: ``(rows,)``, any numbers.
        labels: 1 or 0, same shape.
        weights: Not below 0, same shape.

    Raises:
        WorkError: All rows that count have one label.
    """
    _, place = np.unique(predictions, return_inverse=True)
    ones = np.bincount(place, weights.astype(np.float64) * labels)
    zeros = np.bincount(place, weights.astype(np.float64) * (1 - labels))
    whole = ones.sum() * zeros.sum()
    if not whole:
        raise WorkError("all rows have one label, so there is no AUC", "take more rows")
    below = np.cumsum(zeros) - zeros
    return float((ones * (below + zeros / 2)).sum() / whole)


def normalised_entropy(predictions: Numbers, labels: Numbers, weights: Numbers) -> float:
    """The cross entropy by that of foretelling the mean label always; 1 is as good as that.

    He et al., Practical Lessons from Predicting Clicks on Ads at Facebook, 2014, section 3.
    """
    chance = predictions.astype(np.float64).clip(_LEAST, 1 - _LEAST)
    heavy, label = weights.astype(np.float64), labels.astype(np.float64)
    mean = float((heavy * label).sum() / heavy.sum())
    mean = min(max(mean, _LEAST), 1 - _LEAST)
    crossed = -(heavy * (label * np.log(chance) + (1 - label) * np.log(1 - chance))).sum()
    plain = -(heavy * (label * np.log(mean) + (1 - label) * np.log(1 - mean))).sum()
    return float(crossed / plain)


def accuracy(predictions: Numbers, labels: Numbers, weights: Numbers) -> float:
    """The part of the weights whose rows are foretold right, a click from 0.5 on."""
    right = (predictions >= 0.5) == (labels == 1)
    return float((weights.astype(np.float64) * right).sum() / weights.sum(dtype=np.float64))


def _of_query(one: Answered) -> float | None:
    """A query's own AUC, weights aside; None where it does not count."""
    if one.labels.min() == one.labels.max() or one.predictions.min() == one.predictions.max():
        return None
    return auc(one.predictions, one.labels, np.ones_like(one.weights))


def _checked(answer: Answer, truth: Numbers) -> Answered:
    found = answered(answer.payload)
    if found is None or 2 * len(found.labels) != len(truth):
        raise WorkError(
            f"sample {answer.index} is answered with {len(answer.payload)} bytes, expected "
            f"{12 + 6 * len(truth)}",
            _FIX,
        )
    if not np.array_equal(np.concatenate([found.labels, found.weights]), truth):
        raise WorkError(
            f"sample {answer.index} is answered with other labels or weights than its own",
            "score the log with the data set of the run",
        )
    if not ((found.predictions >= 0) & (found.predictions <= 1)).all():
        raise WorkError(f"sample {answer.index} is answered with what is no likelihood", _FIX)
    return found
