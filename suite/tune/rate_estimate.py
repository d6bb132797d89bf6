"""The Server rate that queueing theory expects, and the next rate that a search should try."""

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


def queueing_rate(
    capacity: float, workers: int, batch_ms: float, bound_ms: float, percentile: float
) -> float:
    """The highest rate at which ``percentile`` of queries should keep the bound.

    The workers are a queue M/D/c: arrivals at random, a fixed time of service. The chance to
    wait at all is Erlang's C formula; for waiting longer than t it falls as
    exp(-2 (c - a) t / D), twice as fast as in M/M/c, since service does not vary (the usual
    two-moment approximation of M/G/c: a factor (1 + cv^2) / 2 with cv = 0).

    This is for answers in turn. Where late samples wait for the others, as is the default, a tenth
    more may be possible; but times of service do vary, and what is planned for hours had better
    be VALID.

    Args:
        capacity: Samples a second that the workers do together when they are never idle.
        workers: How many take batches at once.
        batch_ms: Time from the start of a batch to its answers.
        bound_ms: Latency that must be kept.
        percentile: Share of queries that must keep it, percent.

    Returns:
        Queries a second, below ``capacity``; a tenth of it where even an empty queue is late.
    """
    slack = (bound_ms - batch_ms) / 1e3
    if slack <= 0:
        return capacity / 10
    service = workers / capacity
    late = 1 - percentile / 100
    low, high = 0.0, capacity
    for _ in range(50):
        rate = (low + high) / 2
        load = rate * service
        chance = _erlang_c(workers, load) * math.exp(-2 * (workers - load) * slack / service)
        low, high = (rate, high) if chance <= late else (low, rate)
    return max(low, capacity / 10)


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


def _erlang_c(servers: int, load: float) -> float:
    """Chance that an arrival must wait in M/M/c; ``load`` is arrivals times service, below c."""
    # The recursion of Erlang's B formula has no factorials to overflow.
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))
