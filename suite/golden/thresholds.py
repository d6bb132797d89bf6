"""How far a host may be from a golden file, by the type that it computes in."""

from dataclasses import dataclass, replace

from loadscope.errors import InputError


@dataclass(frozen=True)
class Threshold:
    """What is allowed.

    Attributes:
        max_rel_diff: The largest difference of an output over the largest magnitude in that
            output of that sample.
        top1_agreement: The least share of samples with the same first answer, in [0, 1].
    """

    max_rel_diff: float
    top1_agreement: float


THRESHOLDS = {
    # Other orders of summation: a few hundred roundings of 2**-24.
    "float32": Threshold(1e-4, 1.0),
    # Unit roundoffs 2**-10 (NNPA's DLFLOAT16: 6 bits of exponent, 9 of fraction) and 2**-8
    # (8 and 7), over some dozens of layers, which add up as their square root.
    "dlfloat16": Threshold(2e-2, 0.99),
    "bfloat16": Threshold(8e-2, 0.98),
    # A step of 1/254 of each tensor's range.
    "int8": Threshold(2e-1, 0.95),
}
"""From the closest to the widest."""


def threshold(dtype: str, max_rel_diff: float | None, top1_agreement: float | None) -> Threshold:
    """The threshold of a data type, with what the user has set.

    Raises:
        InputError: An unknown data type.
    """
    if dtype not in THRESHOLDS:
        raise InputError(f"unknown data type '{dtype}'", f"use one of: {', '.join(THRESHOLDS)}")
    found = THRESHOLDS[dtype]
    if max_rel_diff is not None:
        found = replace(found, max_rel_diff=max_rel_diff)
    if top1_agreement is not None:
        found = replace(found, top1_agreement=top1_agreement)
    return found
