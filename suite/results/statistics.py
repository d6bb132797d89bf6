"""Whether two sets of figures differ, by how much, and how sure that is.

Everything is computed on logarithms, so that a ratio and its inverse are alike.

Of pairs the interval is Student's t of 99 % over the logarithms of their ratios. Where A and B are
alike, so are the two figures of a pair, and the ratio's logarithm is symmetric about zero whatever
the noise; of symmetric noise t rarely tells more than its level, and under normal noise no unbiased
test of that level finds more (Lehmann and Romano, "Testing Statistical Hypotheses", 2005, chapter
5). Of two sets it is Welch's t (Biometrika 34, 1947). Where one set is more than twice as large as
the other, skewed noise no longer cancels, and the smaller one's degrees of freedom are taken.
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
_ALIKE = 2
"""How many times as many values one set may have as the other for Welch's degrees of freedom."""
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
    if paired:
        sides, center, least = [other - one], float((other - one).mean()), ENOUGH
        method = f"Student's t over {len(one)} pairs"
    else:
        sides, center, least = [one, other], float(other.mean() - one.mean()), LEAST
        method = f"Welch's t over {len(one)} and {len(other)} measurements"
    counts = [len(side) for side in sides]
    if min(counts) < 2:
        return _estimate(center, None, better, method, (len(a), len(b)), enough=False)
    error = math.sqrt(sum(_squared_error(side) for side in sides))
    width = _student(_freedom(sides)) * error
    interval = center - width, center + width
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


def _squared_error(side: Floats) -> float:
    """The square of the mean's standard error."""
    return float(side.var(ddof=1)) / len(side)


def _freedom(sides: Sequence[Floats]) -> int:
    """Degrees of freedom: Welch's, rounded down; of one side, or of unlike ones, the fewest."""
    counts = [len(side) for side in sides]
    fewest = min(counts) - 1
    parts = [(_squared_error(side), len(side) - 1) for side in sides]
    total = sum(part for part, _ in parts)
    if total == 0 or max(counts) > _ALIKE * min(counts):
        return fewest
    return max(fewest, int(total**2 / sum(part**2 / count for part, count in parts)))


def _student(freedom: int) -> float:
    if freedom <= len(_T):
        return _T[freedom - 1]
    # Cornish and Fisher's first two terms: within a thousandth from 30 on.
    return _Z + (_Z**3 + _Z) / (4 * freedom) + (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / (96 * freedom**2)
