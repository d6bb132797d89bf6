"""The last choice of a search: the best few measured again, until they can be told apart.

What changes for all of a turn is the machine's speed, so each look counts beside the others of
its turn; and a moment's disturbance should not choose, so ranks over the turns do: Wilcoxon's
signed-rank test, as in Optuna's WilcoxonPruner, which tests a running trial against a completed
one, where here both are looked at turn by turn.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from loadscope.names import Scenario
from loadscope.suite.tune.trial import TrialOutcome, goodness

LEAST_ROUNDS = 4
"""Turns that there are in any case; of three the test can be sure of nothing: its p is 1/8."""
MOST_ROUNDS = 12
_CHANCE = 0.1
"""The p below which a finalist is behind; Optuna's own default."""
_SAME = 0.01
"""Share of the figure: finalists that never differ by as much are not worth another turn."""


@dataclass(frozen=True)
class Finalist:
    """A point in the last choice.

    Attributes:
        look: Measures it once more.
        changes: In how many settings it differs from the defaults, which differ in none.
    """

    look: Callable[[], TrialOutcome]
    changes: int


@dataclass(frozen=True)
class Final:
    """How the last choice ended.

    Attributes:
        best: The winner's number.
        outcomes: By number, with medians over the turns; those that fell behind early are left out.
        rounds: How many turns there were.
        equal: Numbers of those that are not told apart, the winner among them.
    """

    best: int
    outcomes: dict[int, TrialOutcome]
    rounds: int
    equal: tuple[int, ...]


def decide(scenario: Scenario, finalists: dict[int, Finalist], seconds: float) -> Final:
    """Look at the finalists in turn, and choose.

    There are more turns while others are not told apart from the best, as long as there is time.
    One that is behind takes no further part, but for the defaults, against which the gain is
    told. Of those that are not told apart in the end the one that changes least is chosen.

    Args:
        scenario: What its values mean.
        finalists: By number, at least two; one of them is the defaults.
        seconds: When to begin no further turn.
    """
    begun = time.monotonic()
    looks: dict[int, list[TrialOutcome]] = {number: [] for number in finalists}
    for rounds in range(1, MOST_ROUNDS + 1):
        for number, several in looks.items():
            several.append(finalists[number].look())
        if rounds < LEAST_ROUNDS:
            continue
        good = {
            number: [goodness(scenario, one.value) for one in several]
            for number, several in looks.items()
        }
        leader = max(good, key=lambda number: median(good[number]))
        # Logarithms differ by the same, whatever the machine's speed was.
        beside = {each: np.log(good[each]) - np.log(good[leader]) for each in good}
        equal = [each for each in good if not _behind(beside[each])]
        late = time.monotonic() - begun >= seconds
        if late or all(np.abs(beside[each]).max() < _SAME for each in equal):
            break
        looks = {
            number: several
            for number, several in looks.items()
            if number in equal or not finalists[number].changes
        }
    best = min(equal, key=lambda number: (finalists[number].changes, -median(good[number])))
    outcomes = {number: _middle(several) for number, several in looks.items()}
    return Final(best, outcomes, rounds, tuple(equal))


def _behind(beside: NDArray[np.float64]) -> bool:
    """Whether logarithms beside the leader's of the same turns are less by more than chance."""
    # Takes a second to import, and the command has many other uses.
    from scipy.stats import wilcoxon

    return bool(beside.any() and wilcoxon(beside, alternative="less").pvalue < _CHANCE)


def _middle(several: list[TrialOutcome]) -> TrialOutcome:
    latencies = [one.latency_ms for one in several if one.latency_ms is not None]
    return replace(
        several[-1],
        value=median(one.value for one in several),
        rate=median(one.rate for one in several),
        latency_ms=median(latencies) if latencies else None,
    )
