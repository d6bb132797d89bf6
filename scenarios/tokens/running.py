"""A running batch: sequences join it, go on by a token a step, and leave it when they are done."""

from collections.abc import Sequence as Several
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.generation import Generation
from loadscope.errors import WorkError
from loadscope.scenarios.tokens.cache import joined
from loadscope.scenarios.tokens.sequence import Sequence
from loadscope.scenarios.tokens.steps import Stepped, Steps, stacked
from loadscope.tensors import Tensors


class RunningBatch:
    """The sequences that one thread answers together, and their KV cache.

    Args:
        steps: The decoder's; several batches may share them.
        generation: What begins, ends and bounds an answer.
        batch_size: The most sequences.
        token_budget: The most tokens of prompts and answers, each sequence counted as long as
            the longest can become; 0 for any. One sequence is always taken.

    Attributes:
        sequences: Those that are under way, by row.
    """

    def __init__(
        self, steps: Steps, generation: Generation, batch_size: int, token_budget: int = 0
    ) -> None:
        self._steps = steps
        self._end = sorted(generation.end)
        self._least = generation.least
        self._batch_size, self._budget = batch_size, token_budget
        self.sequences: list[Sequence] = []
        self._lengths: list[int] = []
        self._past: list[NDArray[Any]] = []
        self._kept: list[NDArray[Any]] = []
        self._memory: Tensors = {}

    def room(self) -> int:
        """How many sequences more it can have, the token budget aside."""
        return self._batch_size - len(self.sequences)

    def fits(self, one: Sequence, joining: Several[Sequence]) -> bool:
        """Whether a sequence can join now beside others that join, and go on to its end."""
        rows = [*self.sequences, *joining]
        if not rows:
            return True
        if len(rows) >= self._batch_size:
            return False
        if not self._steps.ragged and (self.sequences or len(joining[0].prompt) != len(one.prompt)):
            return False
        if not self._steps.ragged_samples and any(
            one.memory[name].shape != array.shape for name, array in rows[0].memory.items()
        ):
            return False
        longest = max(each.most_tokens for each in (*rows, one))
        return not self._budget or (len(rows) + 1) * longest <= self._budget

    def join(self, new: Several[Sequence]) -> list[Sequence]:
        """Take the first step of new sequences, which then have their first token.

        Args:
            new: One at least; ``fits`` has allowed each.

        Returns:
            Those of them that are done with it, and have not joined.
        """
        memory = stacked([one.memory for one in new])
        stepped = self._steps.first([one.prompt for one in new], memory)
        self._take(new, stepped.logits)
        rows = [row for row, one in enumerate(new) if not one.done]
        if rows:
            self._rebuild(range(len(self.sequences)), new, rows, stepped, memory)
        return [one for one in new if one.done]

    def step(self) -> list[Sequence]:
        """Go on by a token.

        Returns:
            The sequences that are done with it, and have left.
        """
        stepped = self._steps.next(
            [one.tokens[-1] for one in self.sequences],
            self._lengths,
            self._past,
            self._kept,
            self._memory,
        )
        self._past = stepped.grown
        self._lengths = [length + 1 for length in self._lengths]
        self._take(self.sequences, stepped.logits)
        done = [one for one in self.sequences if one.done]
        if done:
            self._rebuild([row for row, one in enumerate(self.sequences) if not one.done])
        return done

    def _take(self, sequences: Several[Sequence], logits: NDArray[Any]) -> None:
        barred = [row for row, one in enumerate(sequences) if len(one.tokens) < self._least]
        if barred and self._end:
            logits = logits.copy()
            logits[np.ix_(barred, self._end)] = -np.inf
        # The lowest id of equal ones.
        best = logits.argmax(axis=1)
        if np.isnan(logits[np.arange(len(best)), best]).any():
            raise WorkError(
                "the decoder's logits are NaN",
                "its weights or numerics are broken; try another framework, or float32",
            )
        for one, token in zip(sequences, best.tolist(), strict=True):
            one.take(token, self._end)

    def _rebuild(
        self,
        rows: Several[int],
        new: Several[Sequence] = (),
        new_rows: Several[int] = (),
        stepped: Stepped | None = None,
        memory: Tensors | None = None,
    ) -> None:
        """Keep some rows, and take some of a first step in."""
        joining = [new[row] for row in new_rows]
        self._lengths = [self._lengths[row] for row in rows]
        self._lengths += [len(one.prompt) for one in joining]
        self.sequences = [self.sequences[row] for row in rows] + joining
        if not self.sequences:
            self._past, self._kept, self._memory = [], [], {}
            return
        longest = max(self._lengths)

        def merged(
            old: NDArray[Any] | None, fresh: NDArray[Any] | None, axis: int, left: bool
        ) -> NDArray[Any]:
            parts: list[tuple[NDArray[Any], Several[int]]] = []
            if old is not None and rows:
                parts.append((old, rows))
            if fresh is not None and new_rows:
                parts.append((fresh, new_rows))
            length = longest if left else max(array.shape[axis] for array, _ in parts)
            return joined(parts, axis, length, left)

        fresh = stepped or Stepped(np.empty(0), [], [])
        self._past = [
            merged(old, new_ones, state.axis, left=True)
            for state, old, new_ones in _beside(self._steps.growing, self._past, fresh.grown)
        ]
        self._kept = [
            merged(old, new_ones, state.axis, left=False)
            for state, old, new_ones in _beside(self._steps.kept, self._kept, fresh.kept)
        ]
        given = memory or {}
        self._memory = {
            name: merged(
                self._memory.get(name), given.get(name), self._steps.memory_axis(name), left=False
            )
            for name in self._memory | given
        }


def _beside(states: Several[Any], old: Several[Any], fresh: Several[Any]) -> list[tuple[Any, ...]]:
    """Each state with its old and its fresh array, either None where there is none."""
    none = [None] * len(states)
    return list(zip(states, old or none, fresh or none, strict=True))
