"""From a network's output to the payload that LoadGen is handed, and back."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.recommendation.click_spec import ClickSpec
from loadscope.datasets.task import Payloads, Postprocess
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

_AROUND = 3
"""Numbers beside the three of each row: time step, query, and how many rows there are."""


class Answered(NamedTuple):
    """A query's answer: each ``(rows,)``, float32."""

    predictions: NDArray[np.float32]
    labels: NDArray[np.float32]
    weights: NDArray[np.float32]


def postprocess(
    spec: ClickSpec, truth: Callable[[int], NDArray[np.float32]], candidates: int
) -> Postprocess:
    """Make the function that turns outputs into payloads.

    A payload is that of MLPerf's dlrm-v3, ``<f4``: the time step, the query, the likelihoods of
    its rows, their labels, their weights, and how many rows there are. Tables have no time steps:
    theirs is 0.

    Args:
        spec: How the output is read.
        truth: The labels and weights of a query.
        candidates: The rows of a query.

    The returned function raises:
        WorkError: The output is missing, has another form, or is no likelihood.
    """

    def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
        output = outputs.get(spec.output)
        if output is None:
            raise WorkError(
                f"the model has no output '{spec.output}'",
                f"it has: {', '.join(outputs) or 'none'}; correct the model's manifest",
            )
        if output.size != len(indices) * candidates:
            raise WorkError(
                f"the model's output '{spec.output}' has shape {output.shape} for {len(indices)} "
                f"queries of {candidates} rows",
                "correct the output's name in the model's manifest",
            )
        found = output.astype(np.float64).reshape(len(indices), candidates)
        if spec.kind == "logit":
            found = 1 / (1 + np.exp(-found.clip(-500, 500)))
        # NaN is neither.
        right = ((found >= 0) & (found <= 1)).all(axis=1)
        if not right.all():
            at = int(np.flatnonzero(~right)[0])
            raise WorkError(
                f"the model's output '{spec.output}' has {found[at].tolist()[:3]} for query "
                f"{indices[at]}, no likelihoods",
                "read an output before the sigmoid with kind: logit",
            )
        whole = np.empty((len(indices), _AROUND + 3 * candidates), "<f4")
        whole[:, 0], whole[:, 1], whole[:, -1] = 0, indices, candidates
        whole[:, 2 : 2 + candidates] = found
        whole[:, 2 + candidates : -1] = [truth(index) for index in indices]
        return whole

    return payloads


def answered(payload: bytes) -> Answered | None:
    """A payload in its parts; None where it is none."""
    if len(payload) % 4 or len(payload) < 4 * (_AROUND + 3):
        return None
    numbers = np.frombuffer(payload, "<f4").astype(np.float32)
    if len(numbers) != _AROUND + 3 * numbers[-1]:
        return None
    return Answered(*numbers[2:-1].reshape(3, -1))
