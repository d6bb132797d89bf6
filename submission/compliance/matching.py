"""TEST08 of dlrm-v3: whether a query is answered as well in the performance mode.

``python -m loadscope.submission.compliance.matching ACCURACY_LOG TEST_LOG`` holds two logs against
each other, and ends with status 1 where the test fails.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import LoadScopeError, WorkError
from loadscope.submission.compliance.payloads import Payload, payloads_of

TOLERANCE = 0.001
"""How far the normalised entropy of a query may move, as a part of it (TEST08/README.md)."""

_LEAST = 1e-7
"""Likelihoods and labels are kept so far from 0 and 1 (TEST08/run_verification.py)."""

Numbers = NDArray[np.float32]


@dataclass
class Matching:
    """What comparing two logs gave; the counts have the official names in ``text``.

    Attributes:
        reference_entries: Answers in the accuracy test's log.
        test_entries: Answers in the compliance test's log.
        matched: Of these, answers to queries that the accuracy test answered too.
        different: Of the matched ones, those whose normalised entropy is another.
        first_different: The first of them.
        tolerance: How far it may move.
    """

    reference_entries: int = 0
    test_entries: int = 0
    matched: int = 0
    different: int = 0
    first_different: str = ""
    tolerance: float = TOLERANCE

    @property
    def unmatched(self) -> int:
        """Answers to queries that the accuracy test did not answer."""
        return self.test_entries - self.matched

    @property
    def passed(self) -> bool:
        """Whether every answer is to a query of the accuracy test, and as good."""
        return self.matched > 0 and not self.different and not self.unmatched

    def text(self) -> str:
        """The contents of ``verify_accuracy.txt``."""
        return (
            f"num_acc_log_entries = {self.reference_entries}\n"
            f"num_perf_log_entries = {self.test_entries}\n"
            f"num_matched = {self.matched}\n"
            f"num_unmatched = {self.unmatched}\n"
            f"num_ne_mismatch = {self.different}\n"
            f"tolerance = {100 * self.tolerance:.2f}%\n"
            f"TEST {'PASS' if self.passed else 'FAIL'}\n"
        )


def match(
    reference: Iterable[Payload], test: Iterable[Payload], tolerance: float = TOLERANCE
) -> Matching:
    """Match answers by time step and query, and compare their normalised entropy.

    Args:
        reference: The accuracy test's answers: time step, query, the likelihoods of the rows,
            their labels, their weights, and how many rows there are.
        test: The compliance test's, likewise, or without labels, weights and number of rows.
        tolerance: How far the normalised entropy may move, as a part of it.

    Raises:
        WorkError: An answer has neither form, or another number of rows.
    """
    result = Matching(tolerance=tolerance)
    known: dict[tuple[int, int], tuple[Numbers, Numbers, Numbers]] = {}
    for index, payload in reference:
        result.reference_entries += 1
        numbers = _numbers(index, payload)
        rows = int(numbers[-1])
        if len(numbers) != 3 + 3 * rows or rows < 1:
            raise WorkError(
                f"sample {index} is answered with {len(numbers)} numbers of {rows} rows"
            )
        predictions, labels, weights = numbers[2:-1].reshape(3, rows)
        known[int(numbers[0]), int(numbers[1])] = predictions, labels, weights
    for index, payload in test:
        result.test_entries += 1
        numbers = _numbers(index, payload)
        key = int(numbers[0]), int(numbers[1])
        if key not in known:
            continue
        result.matched += 1
        before, labels, weights = known[key]
        rows = len(before)
        if len(numbers) not in (2 + rows, 3 + 3 * rows):
            raise WorkError(
                f"sample {index} is answered with {len(numbers)} numbers of {rows} rows"
            )
        first, second = (entropy(each, labels, weights) for each in (before, numbers[2 : 2 + rows]))
        if not abs(second - first) <= tolerance * abs(first):
            result.different += 1
            said = f"time step {key[0]}, query {key[1]}: {second:.6f} instead of {first:.6f}"
            result.first_different = result.first_different or said
    return result


def entropy(predictions: Numbers, labels: Numbers, weights: Numbers) -> float:
    """A query's cross entropy by that of its mean label; 0 where nothing counts."""
    chance = predictions.astype(np.float64).clip(_LEAST, 1 - _LEAST)
    label, heavy = labels.astype(np.float64).clip(_LEAST, 1 - _LEAST), weights.astype(np.float64)
    total = float(heavy.sum())
    if not total:
        return 0.0
    crossed = -(heavy * (label * np.log(chance) + (1 - label) * np.log(1 - chance))).sum()
    mean = min(max(float((heavy * label).sum()) / total, _LEAST), 1 - _LEAST)
    plain = -mean * np.log(mean) - (1 - mean) * np.log(1 - mean)
    return float(crossed / (plain * total))


def _numbers(index: int, payload: bytes) -> Numbers:
    if len(payload) % 4 or len(payload) < 12:
        raise WorkError(f"sample {index} is answered with {len(payload)} bytes")
    return np.frombuffer(payload, "<f4").astype(np.float32)


if __name__ == "__main__":
    try:
        accuracy_log, test_log = sys.argv[1:]
        found = match(payloads_of(Path(accuracy_log)), payloads_of(Path(test_log)))
    except ValueError:
        sys.exit("usage: python -m loadscope.submission.compliance.matching ACCURACY_LOG TEST_LOG")
    except LoadScopeError as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(found.text())
    sys.exit(0 if found.passed else 1)
