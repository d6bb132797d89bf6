"""Sequences that are answered together, whoever decides which of them share a step."""

from collections.abc import Sequence as Several
from typing import Protocol

from loadscope.scenarios.tokens.sequence import Sequence


class Batch(Protocol):
    """A running batch: sequences join it, go on, and leave it when they are done.

    All calls are of the thread that made it.

    Attributes:
        begun: Those whose first token came with the last ``join`` or ``step``.
    """

    begun: list[Sequence]

    @property
    def sequences(self) -> list[Sequence]:
        """Those that have joined and have not left."""

    def fits(self, one: Sequence, joining: Several[Sequence]) -> bool:
        """Whether a sequence can join now beside others that join, and go on to its end."""

    def join(self, new: Several[Sequence]) -> list[Sequence]:
        """Take new sequences, one at least; ``fits`` has allowed each.

        Returns:
            Those of them that are done already, and have not joined.
        """

    def step(self) -> list[Sequence]:
        """Go on by a step.

        Returns:
            The sequences that are done with it, and have left.
        """


def in_budget(rows: Several[Sequence], one: Sequence, budget: int) -> bool:
    """Whether a sequence more is within a token budget; see ``RunningBatch``."""
    if not budget or not rows:
        return True
    longest = max(each.most_tokens for each in (*rows, one))
    return (len(rows) + 1) * longest <= budget
