"""Whether two sets of figures differ, by how much, and how sure that is.

Everything is computed on logarithms, so that a ratio and its inverse are alike. The interval is
the bootstrap's percentile interval of 99 %, widened for few values as Hesterberg has it
("What Teachers Should Know About the Bootstrap", 2015, section 5.3): by t over z, and by
sqrt(n / (n - 1)).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["faster", "slower", "within noise", "too few"]
CONFIDENCE = 0.99
"""So that of a hundred comparisons of the same thing about one is called a difference."""
LEAST = 3
"""Values of a side, and pairs, below which nothing is said of a difference."""
ENOUGH = 5
"""Pairs from which on a verdict is given."""
_DRAWS = 2000
_SAFETY = 1.1
"""Widened so, no noise that was tried (normal, skewed, heavy-tailed) gave more false alarms."""
_Z = 2.5758
# Student's t at 0.995 by degrees of freedom from 1 on (NIST/SEMATECH e-Handbook, 1.3.6.7.2).
_T = (
    63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012,
    2.977, 2.947, 2.921, 2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797, 2.787, 2.779,
    2.771, 2.763, 2.756, 2.750,
)  # fmt: skip
_MAGNITUDES = ((0.01, "negligible"), (0.05, "small"), (0.2, "medium"), (math.inf, "large"))

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """B over A.

    Attributes:
        ratio: The geometric mean of B over that of A, or of the pairs' ratios.
        low, high: The interval; None where there are too few values for one.
        verdict: Of B beside A.
        magnitude: How large the effect is, apart from how sure: ``negligible`` below 1 %,
            ``small`` below 5 %, ``medium`` below 20 %, ``large``.
        method: What was drawn from, in words.
        n_a, n_b: How many values there were.
    """

    ratio: float
    low: float | None
    high: float | None
    verdict: Verdict
    magnitude: str
    method: str
    n_a: int
    n_b: int

    @property
    def percent(self) -> float:
        """How much more B is than A."""
        return 100 * (self.ratio - 1)


def compare_values(
    a: Sequence[float], b: Sequence[float], better: str, paired: bool = False
) -> Estimate:
    """Compare figures of which each is a measurement of its own.

    Args:
        a: Positive figures of A; in pairs, of the same order as ``b``.
        b: Of B.
        better: ``higher`` or ``lower``.
        paired: Whether the n-th of both were measured beside each other.
    """
    one, other = np.log(np.asarray(a, float)), np.log(np.asarray(b, float))
    random = np.random.default_rng(1)
    if paired:
        sides, signs, least = [other - one], [1.0], ENOUGH
        method = f"bootstrap over {len(one)} pairs"
    else:
        sides, signs, least = [other, one], [1.0, -1.0], LEAST
        method = f"bootstrap over {len(one)} and {len(other)} measurements"
    center = float(sum(sign * side.mean() for sign, side in zip(signs, sides, strict=True)))
    counts = [len(side) for side in sides]
    if min(counts) < 2:
        return _estimate(center, None, better, method, (len(a), len(b)), enough=False)
    drawn = np.zeros(_DRAWS)
    for sign, side in zip(signs, sides, strict=True):
        drawn += sign * _means(random, side) * math.sqrt(len(side) / (len(side) - 1))
    freedom = _freedom(sides)
    width = _SAFETY * _student(freedom) / _Z
    tail = (1 - CONFIDENCE) / 2
    low, high = (width * float(np.quantile(drawn, at)) for at in (tail, 1 - tail))
    interval = center + low, center + high
    return _estimate(center, interval, better, method, (len(a), len(b)), min(counts) >= least)


def compare_draws(a: Floats, b: Floats, center: float, better: str, method: str) -> Estimate:
    """Compare two runs by what varies within each: how runs differ from run to run stays unseen.

    It can say that a difference is within the noise, and never that it is not.

    Args:
        a: The figure in each draw from A's blocks.
        b: In each from B's.
        center: The logarithm of the ratio of the figures themselves.
        better: ``higher`` or ``lower``.
        method: What was drawn, in words.
    """
    count = min(len(a), len(b))
    drawn = np.log(b[:count]) - np.log(a[:count])
    drawn = drawn - drawn.mean()
    tail = (1 - CONFIDENCE) / 2
    low, high = (center + float(np.quantile(drawn, at)) for at in (tail, 1 - tail))
    return _estimate(center, (low, high), better, method, (1, 1), enough=False)


def _estimate(
    center: float,
    interval: tuple[float, float] | None,
    better: str,
    method: str,
    counts: tuple[int, int],
    enough: bool,
) -> Estimate:
    low, high = interval or (None, None)
    verdict: Verdict = "too few"
    if low is not None and high is not None:
        if low <= 0 <= high:
            verdict = "within noise" if enough or counts == (1, 1) else "too few"
        elif enough:
            verdict = "faster" if (center > 0) == (better == "higher") else "slower"
    effect = abs(math.expm1(abs(center)))
    return Estimate(
        ratio=math.exp(center),
        low=None if low is None else math.exp(low),
        high=None if high is None else math.exp(high),
        verdict=verdict,
        magnitude=next(name for most, name in _MAGNITUDES if effect < most),
        method=method,
        n_a=counts[0],
        n_b=counts[1],
    )


def _means(random: np.random.Generator, values: Floats) -> Floats:
    """Means of draws with replacement, about the values' own mean."""
    drawn = random.integers(0, len(values), (_DRAWS, len(values)))
    means: Floats = (values - values.mean())[drawn].mean(axis=1)
    return means


def _freedom(sides: Sequence[Floats]) -> int:
    """Welch's degrees of freedom, rounded down; of one side n - 1."""
    parts = [(side.var(ddof=1) / len(side), len(side) - 1) for side in sides]
    total = sum(part for part, _ in parts)
    if total == 0:
        return min(count for _, count in parts)
    return max(1, int(total**2 / sum(part**2 / count for part, count in parts)))


def _student(freedom: int) -> float:
    if freedom <= len(_T):
        return _T[freedom - 1]
    # Cornish and Fisher's first term; exact to a thousandth from 30 on.
    return _Z + (_Z**3 + _Z) / (4 * freedom)
