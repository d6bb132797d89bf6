"""The last choice of a search: the best few measured again, until they can be told apart.

What changes for all of a turn is the machine's speed, so each look counts beside the others of
its turn; and a moment's disturbance should not choose, so medians over the turns do.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from loadscope.names import Scenario
from loadscope.suite.tune.trial import Outcome, goodness

LEAST_ROUNDS = 3
"""Turns that there are in any case."""
MOST_ROUNDS = 12
_SURE = 2.0
"""Deviations of a difference that tell two finalists apart."""
_SAME = 0.01
"""Share of the figure below which a difference is not worth another turn."""


@dataclass(frozen=True)
class Finalist:
    """A point in the last choice.

    Attributes:
        look: Measures it once more.
        changes: In how many settings it differs from the defaults, which differ in none.
    """

    look: Callable[[], Outcome]
    changes: int


@dataclass(frozen=True)
class Final:
    """How the last choice ended.

    Attributes:
        best: The winner's number.
        outcomes: By number, with medians over the turns; those that fell behind early are left out.
        rounds: How many turns there were.
        noise: Deviation of the difference of two finalists, as a share of their value.
    """

    best: int
    outcomes: dict[int, Outcome]
    rounds: int
    noise: float


def decide(scenario: Scenario, finalists: dict[int, Finalist], seconds: float) -> Final:
    """Look at the finalists in turn, and choose.

    There are more turns while the difference of the best two is smaller than twice its
    deviation, as long as there is time. One that is clearly behind takes no further part, but
    for the defaults, against which the gain is told. Of those that are not told apart in the end
    the one that changes least is chosen.

    Args:
        scenario: What its values mean.
        finalists: By number, at least two; one of them is the defaults.
        seconds: When to begin no further turn.
    """
    begun = time.monotonic()
    looks: dict[int, list[Outcome]] = {number: [] for number in finalists}
    for rounds in range(1, MOST_ROUNDS + 1):
        for number, several in looks.items():
            several.append(finalists[number].look())
        if rounds < LEAST_ROUNDS:
            continue
        outcomes = _medians(looks)
        noise = _noise([[one.value for one in several] for several in looks.values()])
        good = {number: goodness(scenario, one.value) for number, one in outcomes.items()}
        ahead = [each for each in good if good[each] * (1 + _SURE * noise) >= max(good.values())]
        late = time.monotonic() - begun >= seconds
        if late or len(ahead) == 1 or _SURE * noise < _SAME:
            break
        looks = {
            number: several
            for number, several in looks.items()
            if number in ahead or not finalists[number].changes
        }
    equal = [number for number in good if good[number] * (1 + noise) >= max(good.values())]
    best = min(equal, key=lambda number: (finalists[number].changes, -good[number]))
    return Final(best, outcomes, rounds, noise)


def _beside(values: Sequence[Sequence[float]]) -> list[list[float]]:
    """Each value over the mean of its turn; a list a finalist, as given."""
    turns = [fmean(turn) for turn in zip(*values, strict=True)]
    return [[one / turn for one, turn in zip(each, turns, strict=True)] for each in values]


def _medians(looks: dict[int, list[Outcome]]) -> dict[int, Outcome]:
    values = [[one.value for one in several] for several in looks.values()]
    level = median(fmean(turn) for turn in zip(*values, strict=True))
    shares = _beside(values)
    found = {}
    for (number, several), share in zip(looks.items(), shares, strict=True):
        latencies = [one.latency_ms for one in several if one.latency_ms is not None]
        found[number] = replace(
            several[-1],
            value=level * median(share),
            rate=median(one.rate for one in several),
            latency_ms=median(latencies) if latencies else None,
        )
    return found


def _noise(values: Sequence[Sequence[float]]) -> float:
    """Deviation of the difference of two finalists' medians, as a share of them."""
    count, turns = len(values), len(values[0])
    shares = _beside(values)
    away = fmean(abs(one - median(each)) for each in shares for one in each)
    # Of normal values: 1.25 mean distances are a deviation, few of them are too near to their
    # own median and to their turn's mean, and a median varies 1.25 times as much as a mean.
    one_look = 1.25 * away * turns / (turns - 1) * math.sqrt(count / (count - 1))
    return 1.25 * one_look * math.sqrt(2 / turns)
