"""A search of layouts within a fixed time: a first climb over batches, then successive halving.

Before each round the best layout's larger batches follow, where the climb had no time for them or
a moment's disturbance made a batch look worse than a smaller one.

Source: Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter
Optimization (2016): every round has the same time, shared out among half as many candidates.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

from loadscope.scenarios.execution import Execution
from loadscope.scenarios.layouts import group

_CLIMB_SHARE = 0.4
_SHORTEST = 0.1
"""Seconds of a measurement; a slow model's batches make it longer."""
_LONGEST = 0.6
"""Seconds of a measurement in the climb: to tell layouts apart that halve or double the rate."""
_BEHIND = 0.9
"""A larger batch that is so far behind a smaller one of its group ends the climb."""
_FINALISTS = 3
_PASSES = 2
"""Measurements of each in a round, in turn, the better one counts: what else a machine does for a
moment must not decide."""
_CLEAR = 0.85
"""Share of the best that the next one must be below for the search to end."""
_HOPELESS = 0.7
"""Share of the best below which a candidate is not measured again."""
_FURTHER_SHARE = 0.5
"""Share of the time left that one larger batch of the best layout may take."""
TIME_UP, _WORSE = "the time was up", "a smaller batch is better"


@dataclass(frozen=True)
class Measured:
    """What a measurement gave.

    Attributes:
        goodness: The more the better.
        batch_seconds: Of a batch.
        least_seconds: The shortest that a measurement of this layout can be: texts are measured by
            a batch of each length. The first one takes at most twice as long, to warm up.
    """

    goodness: float
    batch_seconds: float
    least_seconds: float


class Measure(Protocol):
    """Measures a layout."""

    def __call__(self, one: Execution, seconds: float, until: float) -> Measured | str:
        """What it gives; or why there is nothing.

        Args:
            one: The layout.
            seconds: How long to measure.
            until: The monotonic clock's time to have given up by.
        """


@dataclass
class Seen:
    """What a search knows of a layout.

    Attributes:
        goodness: What it gave in its last round; None before the first.
        rounds: In how many rounds it was measured.
        note: Why it was not measured, or not again.
        batch_seconds: Of a batch.
        least_seconds: See ``Measured``.
    """

    goodness: float | None = None
    rounds: int = 0
    note: str = ""
    batch_seconds: float = field(default=0.0, repr=False)
    least_seconds: float = field(default=0.0, repr=False)

    def take(self, found: Measured | str) -> None:
        """Keep what a measurement gave."""
        if isinstance(found, str):
            self.note = found
            return
        self.goodness, self.rounds, self.note = found.goodness, self.rounds + 1, ""
        self.batch_seconds, self.least_seconds = found.batch_seconds, found.least_seconds


def search(
    candidates: Sequence[Execution],
    measure: Measure,
    until: float,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[dict[Execution, Seen], list[Execution]]:
    """Measure until one of the candidates stands out or the time is up.

    Args:
        candidates: Those of a group together, their batches ascending.
        measure: Measures one.
        until: The clock's time to end at.
        clock: Seconds.

    Returns:
        What was seen of each, and those that were in the last round; none if nothing was measured.
    """
    seen = {one: Seen() for one in candidates}
    _climb(candidates, seen, measure, until, clock)
    left = _ranked(seen, [one for one in candidates if seen[one].goodness is not None])
    if not left:
        return seen, []
    rounds = _rounds(len(left))
    for turn in range(rounds):
        left = _further(left, candidates, seen, measure, until, clock, _FURTHER_SHARE)
        best = seen[left[0]].goodness or 0.0
        for one in left[1:]:
            if (seen[one].goodness or 0.0) < _HOPELESS * best:
                seen[one].note = "far behind"
        left = [one for one in left if not seen[one].note]
        if turn:
            keep = max(min(_FINALISTS, len(left)), (len(left) + 1) // 2)
            for one in left[keep:]:
                seen[one].note = "behind"
            left = left[:keep]
        if len(left) == 1 or (turn and _clear(seen, left)):
            return seen, _further(left, candidates, seen, measure, until, clock, 1.0)
        _round(left, seen, measure, (until - clock()) / (rounds - turn), until, clock)
        left = _ranked(seen, left)
    return seen, left


def _climb(
    candidates: Sequence[Execution],
    seen: dict[Execution, Seen],
    measure: Measure,
    until: float,
    clock: Callable[[], float],
) -> None:
    """Measure each once, the batches of a group from small to large while that is no worse."""
    climbed = clock() + _CLIMB_SHARE * (until - clock())
    # Each batch is warmed up with before it is measured, or the largest would not have their turn.
    window = (climbed - clock()) / len(candidates) / 2
    window = min(max(window, _SHORTEST), _LONGEST)
    groups = [list(some) for _, some in groupby(sorted(candidates, key=_by_batch), key=split)]
    # First the group of the first candidate, the rule's: time may not reach the others.
    groups.sort(key=lambda some: candidates[0] not in some)
    for number, some in enumerate(groups):
        end = clock() + (climbed - clock()) / (len(groups) - number)
        best, reason = 0.0, ""
        for place, one in enumerate(some):
            if place and not reason:
                expected = _first_seconds(one, some[place - 1], seen)
                if clock() + max(window, expected) > end:
                    reason = TIME_UP
            if reason:
                seen[one].note = reason
                continue
            seen[one].take(measure(one, window, until))
            reason = seen[one].note
            best = max(best, seen[one].goodness or 0.0)
            if not reason and (seen[one].goodness or 0.0) < _BEHIND * best:
                reason = _WORSE


def _further(
    left: list[Execution],
    candidates: Sequence[Execution],
    seen: dict[Execution, Seen],
    measure: Measure,
    until: float,
    clock: Callable[[], float],
    share: float,
) -> list[Execution]:
    """Those left, with larger batches of the first while they are better than all of them."""
    while True:
        first = left[0]
        some = sorted((one for one in candidates if split(one) == split(first)), key=_by_batch)
        larger = some[some.index(first) + 1 :]
        if not larger or seen[larger[0]].note not in (TIME_UP, _WORSE):
            return left
        following = larger[0]
        expected = _first_seconds(following, first, seen)
        window = min(max(_SHORTEST, seen[first].least_seconds), _LONGEST)
        if max(window, expected) > share * (until - clock()):
            return left
        seen[following].take(measure(following, window, until))
        if seen[following].goodness is None:
            return left
        left = _ranked(seen, [*left, following])


def _first_seconds(one: Execution, smaller: Execution, seen: dict[Execution, Seen]) -> float:
    """What the first measurement of a layout takes, by one of smaller batches."""
    return 2 * seen[smaller].least_seconds * one.batch_size / smaller.batch_size


def _round(
    left: Sequence[Execution],
    seen: dict[Execution, Seen],
    measure: Measure,
    seconds: float,
    until: float,
    clock: Callable[[], float],
) -> None:
    begun = clock()
    best: dict[Execution, Measured] = {}
    window = max(_SHORTEST, seconds / len(left) / _PASSES)
    for _ in range(_PASSES):
        for one in left:
            if clock() + max(window, seen[one].least_seconds) > min(until, begun + 1.5 * seconds):
                continue
            found = measure(one, window, until)
            if isinstance(found, Measured):
                best[one] = max(found, best.get(one, found), key=lambda each: each.goodness)
    for one, found in best.items():
        seen[one].take(found)


def _clear(seen: dict[Execution, Seen], ranked: Sequence[Execution]) -> bool:
    """Whether the best is so far ahead that another round would change nothing."""
    first, second = (seen[one].goodness or 0.0 for one in ranked[:2])
    return second < _CLEAR * first


def split(one: Execution) -> tuple[int, ...]:
    """What layouts have in common that differ in their batches alone."""
    return (*group(one), one.workers)


def _by_batch(one: Execution) -> tuple[int, ...]:
    return (*split(one), one.batch_size)


def _ranked(seen: dict[Execution, Seen], some: Sequence[Execution]) -> list[Execution]:
    return sorted(some, key=lambda one: -(seen[one].goodness or 0.0))


def _rounds(count: int) -> int:
    """Rounds until few are left: at least one, so that the last are measured in turn."""
    rounds = 1
    while count > _FINALISTS:
        count, rounds = (count + 1) // 2, rounds + 1
    return rounds
