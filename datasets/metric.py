"""What answers are scored by: a metric's unit, direction, range, and its rule for a target."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class ScoreMetric:
    """A metric of a task.

    Attributes:
        name: As results show it (``top-1``).
        unit: Of its values; empty for a bare number.
        better: Which values are the better ones.
        least: The lowest value that there is.
        most: The highest; infinite where there is none (a word error rate passes 100 %).
    """

    name: str
    unit: str = "%"
    better: Direction = "higher"
    least: float = 0.0
    most: float = 100.0

    def holds(self, value: float) -> bool:
        """Whether a value is in the metric's range."""
        return self.least <= value <= self.most

    def meets(self, value: float, target: float) -> bool:
        """Whether a value is as good as the target, or better."""
        return value >= target if self.better == "higher" else value <= target

    def strictest(self, targets: Iterable[float]) -> float | None:
        """The target that is hardest to meet; None of none."""
        return (max if self.better == "higher" else min)(targets, default=None)

    def kept(self, reference: float, share: float) -> float:
        """The worst value that keeps a share of a reference.

        Of 90 % accuracy the share 0.99 is 89.1 %; of a word error rate of 9.9 % it is 10 %.

        Args:
            reference: The value to be kept.
            share: The part of it, in (0, 1].
        """
        return reference * share if self.better == "higher" else reference / share

    @property
    def range_text(self) -> str:
        """The range in words: ``0 to 100 %``, ``at least 0 %``."""
        unit = f" {self.unit}" if self.unit else ""
        if self.most == float("inf"):
            return f"at least {self.least:g}{unit}"
        return f"{self.least:g} to {self.most:g}{unit}"


@dataclass(frozen=True)
class Published:
    """A figure of a model on a data set that somebody published.

    Attributes:
        model: As its publisher calls it.
        input: What it was fed with, such as ``224 x 224``.
        value: In the unit of the data set's metric.
    """

    model: str
    input: str
    value: float
