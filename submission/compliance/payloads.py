"""TEST01: whether a sample is answered alike in the accuracy and in the performance mode."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadscope.rundir.accuracy_log import read_accuracy_log

Payload = tuple[int, bytes]
"""A sample's index and what it was answered with, little-endian float32."""


@dataclass
class PayloadComparison:
    """What comparing two accuracy logs gave.

    Attributes:
        reference_entries: Answers in the accuracy test's log.
        reference_repeats: Of these, answers to samples that were answered before.
        reference_changes: Of the repeats, those that differ from the first answer.
        test_entries: Answers in the compliance test's log.
        common: Of these, answers to samples that the accuracy test answered too.
        different: Of the common ones, those whose payloads differ.
        first_different: The first sample with a different payload, and in what.
    """

    reference_entries: int = 0
    reference_repeats: int = 0
    reference_changes: int = 0
    test_entries: int = 0
    common: int = 0
    different: int = 0
    first_different: str = ""

    @property
    def missing(self) -> int:
        """Answers of the compliance test to samples that the accuracy test did not answer."""
        return self.test_entries - self.common

    @property
    def passed(self) -> bool:
        """Whether every answer of the compliance test was given before, and there is one."""
        return self.common > 0 and not self.different and not self.missing

    def text(self) -> str:
        """The contents of ``verify_accuracy.txt``; the counts have the official names."""
        return (
            f"num_acc_log_entries = {self.reference_entries}\n"
            f"num_acc_log_duplicate_keys = {self.reference_repeats}\n"
            f"num_acc_log_data_mismatch = {self.reference_changes}\n"
            f"num_perf_log_entries = {self.test_entries}\n"
            f"num_perf_log_qsl_idx_match = {self.common}\n"
            f"num_perf_log_data_mismatch = {self.different}\n"
            f"num_missing_qsl_idxs = {self.missing}\n"
            f"TEST {'PASS' if self.passed else 'FAIL'}\n"
        )


def payloads_of(log: Path) -> Iterator[Payload]:
    """The answers of an accuracy log, in its order.

    Raises:
        WorkError: It cannot be read, or is no whole accuracy log.
    """
    return ((answer.index, answer.payload) for answer in read_accuracy_log(log))


def compare(reference: Iterable[Payload], test: Iterable[Payload]) -> PayloadComparison:
    """Compare whole payloads as float32, exactly; NaN equals NaN.

    Exactly, because the same input must give the same output; a whole payload, because the first
    value of a COCO row is the sample's own index. What is sampled in the performance mode is
    held in memory (some thousand answers), the accuracy log is read as a stream.

    Args:
        reference: The accuracy test's answers.
        test: The compliance test's answers.
    """
    result = PayloadComparison()
    sampled: dict[int, list[bytes]] = {}
    for index, payload in test:
        result.test_entries += 1
        sampled.setdefault(index, []).append(payload)
    seen: set[int] = set()
    first: dict[int, bytes] = {}
    for index, payload in reference:
        result.reference_entries += 1
        if index not in seen:
            seen.add(index)
            if index in sampled:
                first[index] = payload
            continue
        result.reference_repeats += 1
        if index in first and _difference(first[index], payload):
            result.reference_changes += 1
    for index, payload in first.items():
        for answer in sampled[index]:
            result.common += 1
            difference = _difference(payload, answer)
            if difference:
                result.different += 1
                result.first_different = result.first_different or f"sample {index} {difference}"
    return result


def _difference(reference: bytes, test: bytes) -> str:
    """In what two payloads differ; empty for nothing."""
    if reference == test:
        return ""
    if len(reference) != len(test) or len(reference) % 4:
        return f"has {len(test)} bytes instead of {len(reference)}"
    before, now = np.frombuffer(reference, "<f4"), np.frombuffer(test, "<f4")
    unequal = np.flatnonzero((before != now) & ~(np.isnan(before) & np.isnan(now)))
    if not unequal.size:
        return ""
    place = unequal[0]
    return f"value {place} is {now[place]:.9g} instead of {before[place]:.9g}"
