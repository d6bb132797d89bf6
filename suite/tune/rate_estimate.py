"""The next Server rate that a search should try."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

GROWTH = 1.25
"""Step while only one side of the highest valid rate is known; at first it grows each time."""


@dataclass(frozen=True)
class Tried:
    """A rate in queries a second, and whether LoadGen called it VALID."""

    rate: float
    valid: bool


def next_rate(tried: Sequence[Tried], estimate: float, tolerance: float) -> float | None:
    """The next rate to try; None when the highest valid one is known closely enough.

    It depends on what was tried alone, so a search goes on where it was interrupted. A moment's
    disturbance makes a rate INVALID that is not too high, and would cost all rates above it:
    what the search would end at is tried once more.

    Args:
        tried: What was tried, in order.
        estimate: The rate to begin with.
        tolerance: How far the lowest invalid rate may be above the highest valid one, as a
            share of it.
    """
    valid, invalid = bracket(tried)
    if valid is None and invalid is None:
        return estimate
    if valid is not None and invalid is not None:
        if invalid / valid > 1 + tolerance:
            return math.sqrt(valid * invalid)
        return invalid if _failures(tried)[invalid] == 1 else None
    untried = all(not math.isclose(one.rate, estimate, rel_tol=1e-3) for one in tried)
    if untried and (valid or 0) < estimate < (invalid or math.inf):
        return estimate
    one_sided = len({one.valid for one in tried}) == 1
    steps = GROWTH ** (len(tried) if one_sided else 1)
    return valid * steps if valid is not None else (invalid or 0) / steps


def bracket(tried: Sequence[Tried]) -> tuple[float | None, float | None]:
    """The highest valid rate and the lowest invalid one; None where there is none.

    Of a rate that was valid and invalid, at another time or at full length, what it was last
    counts; but twice invalid is invalid, and so is all above it.
    """
    failures, last = _failures(tried), {one.rate: one.valid for one in tried}
    invalid = min((rate for rate in last if not last[rate] or failures[rate] > 1), default=None)
    valid = max((rate for rate in last if invalid is None or rate < invalid), default=None)
    return valid, invalid


def _failures(tried: Sequence[Tried]) -> Counter[float]:
    return Counter(one.rate for one in tried if not one.valid)
