"""Scoring of classifiers: strict top-1 and top-5 accuracy."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.classes.classification import BEST
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.task import Answer, Score
from loadscope.errors import WorkError

NO_CLASS = -2
"""What no answer is; fills up the labels of a sample that has fewer than another."""

_FIX = "the run is not to be trusted: run accuracy mode again"


def score_top(answers: Iterable[Answer], labels: NDArray[np.int64], metric: str = "top-1") -> Score:
    """Compare answers with labels; every sample must be answered.

    Of a sample's several answers the first counts, as in the official ImageNet script: LoadGen
    repeats samples to fill MultiStream's last query.

    A payload is one ``<f4`` for top-1 and five for top-5, best first: classes counted from 0, or
    -1, which a model with a background class answers where it sees nothing that it knows and which
    is never right. A sample is right for top-5 where its label is among the five.

    Args:
        answers: In any order.
        labels: The true class of each sample, ``(samples,)``; or of each those that are right,
            ``(samples, most)``, filled up with ``NO_CLASS``. A sample without any does not count.
        metric: A name of ``classification.BEST``.

    Returns:
        ``value`` is in percent. ``line`` is in the form of the official ImageNet script
        (``accuracy=76.456%, good=38228, total=50000``): it holds top-1, which is what the official
        checker takes it for, and for top-5 ends in ``top-5=92.876%``. ``details`` has the counts
        of the metric itself, and for top-5 the percentage of top-1.

    Raises:
        WorkError: A sample is not answered, or with what is no class; the message names it.
    """
    best = BEST[metric]
    indices: list[int] = []
    payloads: list[bytes] = []
    for answer in answers:
        if len(answer.payload) != 4 * best:
            raise WorkError(
                f"sample {answer.index} is answered with {len(answer.payload)} bytes, not"
                f" {4 * best} ({metric})",
                _FIX,
            )
        indices.append(answer.index)
        payloads.append(answer.payload)
    found = np.frombuffer(b"".join(payloads), "<f4").reshape(-1, best)
    samples = np.array(indices, np.int64)
    total = len(labels)
    _refuse(samples, (samples < 0) | (samples >= total), f"is not among the {total} samples")
    answered = np.bincount(samples, minlength=total) > 0
    _refuse(np.arange(total), ~answered, "is not answered")
    whole = np.isfinite(found) & (np.trunc(found) == found) & (found >= -1)
    bad = found[np.arange(len(found)), np.argmin(whole, axis=1)]
    _refuse(samples, ~whole.all(axis=1), "is answered with {}, which is no class", bad)
    _refuse(samples, _repeated(found), "is answered with one class several times")

    _, first = np.unique(samples, return_index=True)
    truth = labels.reshape(total, -1)
    counted = (truth != NO_CLASS).any(axis=1)
    right = (found[first].astype(np.float64)[:, :, None] == truth[:, None, :]).any(axis=2)[counted]
    total = len(right)
    top, good = (int(np.count_nonzero(hits)) for hits in (right[:, 0], right.any(axis=1)))
    line = f"accuracy={_percent(top, total):.3f}%, good={top}, total={total}"
    details: dict[str, Any] = {"good": good, "total": total}
    if best > 1:
        line += f", {metric}={_percent(good, total):.3f}%"
        details["top-1"] = _percent(top, total)
    return Score(ScoreMetric(metric), _percent(good, total), total, line, details)


def _percent(good: int, total: int) -> float:
    return 100.0 * good / total


def _repeated(found: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows hold a class twice, so that fewer are guessed than the metric says."""
    ordered = np.sort(found, axis=1)
    repeated: NDArray[np.bool_] = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    return repeated


def _refuse(
    samples: NDArray[np.int64],
    bad: NDArray[np.bool_],
    what: str,
    values: NDArray[np.float32] | None = None,
) -> None:
    positions = np.flatnonzero(bad)
    if not positions.size:
        return
    first = positions[0]
    shown = what if values is None else what.format(values[first])
    more = f" ({positions.size - 1} more like it)" if positions.size > 1 else ""
    raise WorkError(f"sample {samples[first]} {shown}{more}", _FIX)
