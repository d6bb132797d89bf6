"""Scoring of classifiers: strict top-1 accuracy."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.protocol import Answer, Score
from loadscope.errors import WorkError

_FIX = "the run is not to be trusted: run accuracy mode again"
_PAYLOAD_BYTES = 4


def score_top1(answers: Iterable[Answer], labels: NDArray[np.int64]) -> Score:
    """Compare answers with labels; every sample must be answered.

    Of a sample's several answers the first counts, as in the official ImageNet script: LoadGen
    repeats samples to fill MultiStream's last query.

    A payload is one ``<f4``: a class counted from 0, or -1, which a model with a background
    class answers where it sees nothing that it knows and which is never right.

    Args:
        answers: In any order.
        labels: The true class of each sample.

    Returns:
        ``value`` is in percent; ``line`` is in the form of the official ImageNet script
        (``accuracy=76.456%, good=38228, total=50000``).

    Raises:
        WorkError: A sample is not answered, or with what is no class; the message names it.
    """
    indices: list[int] = []
    payloads: list[bytes] = []
    for answer in answers:
        if len(answer.payload) != _PAYLOAD_BYTES:
            raise WorkError(
                f"sample {answer.index} is answered with {len(answer.payload)} bytes, not 4", _FIX
            )
        indices.append(answer.index)
        payloads.append(answer.payload)
    found = np.frombuffer(b"".join(payloads), "<f4")
    samples = np.array(indices, np.int64)
    total = len(labels)
    _refuse(samples, (samples < 0) | (samples >= total), f"is not among the {total} samples")
    answered = np.bincount(samples, minlength=total) > 0
    _refuse(np.arange(total), ~answered, "is not answered")
    whole = np.isfinite(found) & (np.trunc(found) == found) & (found >= -1)
    _refuse(samples, ~whole, "is answered with {}, which is no class", found)

    _, first = np.unique(samples, return_index=True)
    good = int(np.count_nonzero(found[first].astype(np.float64) == labels))
    percent = 100.0 * good / total
    return Score(
        metric="top-1",
        value=percent,
        samples=total,
        line=f"accuracy={percent:.3f}%, good={good}, total={total}",
        details={"good": good, "total": total},
    )


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
