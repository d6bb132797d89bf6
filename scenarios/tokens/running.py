"""A running batch: sequences join it, go on by a token a step, and leave it when they are done."""

from collections.abc import Sequence as Several
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.generation import Generation
from loadscope.errors import WorkError
from loadscope.scenarios.tokens.batch import in_budget
from loadscope.scenarios.tokens.cache import Row, arranged
from loadscope.scenarios.tokens.sequence import Sequence
from loadscope.scenarios.tokens.steps import Stepped, Steps, stacked
from loadscope.tensors import Tensors

_SPARE = 8
"""Filling that those who left leave behind is cut once it is more than this part of the cache:
before that, a step over it costs less than a copy of all that is kept."""


class RunningBatch:
    """The sequences that one thread answers together, and their KV cache.

    Who joins or leaves is noted at once, and the cache is put in order before the next step: so
    the first token of one that joins waits for no copy, and who joins takes the row of who left.

    Args:
        steps: The decoder's; several batches may share them.
        generation: What begins, ends and bounds an answer.
        batch_size: The most sequences.
        token_budget: The most tokens of prompts and answers, each sequence counted as long as
            the longest can become; 0 for any. One sequence is always taken.

    Attributes:
        sequences: Those that are under way.
        begun: See ``Batch``.
    """

    def __init__(
        self, steps: Steps, generation: Generation, batch_size: int, token_budget: int = 0
    ) -> None:
        self._steps = steps
        self._end = sorted(generation.end)
        self._least = generation.least
        self._batch_size, self._budget = batch_size, token_budget
        self.sequences: list[Sequence] = []
        self.begun: list[Sequence] = []
        # Where each of them is: in the cache, which is the first, or in a first step since.
        self._rows: list[Row] = []
        self._caches: list[tuple[Stepped, Tensors]] = []
        self._in_order = False
        self._lengths: NDArray[np.int64] = np.zeros(0, np.int64)

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
        return in_budget(rows, one, self._budget)

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
        self.begun = list(new)
        if not self.sequences:
            self._caches, self._rows = [], []
        number = len(self._caches)
        self._caches.append((stepped, memory))
        self._rows += [(number, row) for row, one in enumerate(new) if not one.done]
        self.sequences += [one for one in new if not one.done]
        self._in_order = False
        return [one for one in new if one.done]

    def step(self) -> list[Sequence]:
        """Go on by a token.

        Returns:
            The sequences that are done with it, and have left.
        """
        self.begun = []
        if not self._in_order:
            self._put_in_order()
        ((past, memory),) = self._caches
        stepped = self._steps.next(
            [one.tokens[-1] for one in self.sequences],
            self._lengths,
            past.grown,
            past.kept,
            memory,
        )
        self._caches = [(Stepped(stepped.logits, stepped.grown, past.kept), memory)]
        self._lengths = self._lengths + 1
        self._take(self.sequences, stepped.logits)
        done = [one for one in self.sequences if one.done]
        if done:
            self._rows = [
                row for row, one in zip(self._rows, self.sequences, strict=True) if not one.done
            ]
            self.sequences = [one for one in self.sequences if not one.done]
            self._in_order = False
            if not self.sequences:
                self._caches, self._rows = [], []
        return done

    def _take(self, sequences: Several[Sequence], logits: NDArray[Any]) -> None:
        barred = [row for row, one in enumerate(sequences) if len(one.tokens) < self._least]
        if barred and self._end:
            logits = logits.copy()
            logits[np.ix_(barred, self._end)] = -np.inf
        # The lowest id of equal ones; the first NaN where there is one.
        best = logits.argmax(axis=1).tolist()
        for row, (one, token) in enumerate(zip(sequences, best, strict=True)):
            if (score := logits[row, token]) != score:
                raise WorkError(
                    "the decoder's logits are NaN",
                    "its weights or numerics are broken; try another framework, or float32",
                )
            one.take(token, self._end)

    def _put_in_order(self) -> None:
        """Make one cache of the rows that are under way."""
        # Those of the cache come first, if any are left.
        parts = sorted({number for number, _ in self._rows})
        caches = [self._caches[number] for number in parts]
        first = parts[0]
        count = len(self.sequences)
        order: list[int | None] = [None] * count
        moving = []
        for at, (number, row) in enumerate(self._rows):
            if number == first and row < count:
                order[row] = at
            else:
                moving.append(at)
        places = iter(moving)
        whole = [next(places) if at is None else at for at in order]
        rows = [(parts.index(self._rows[at][0]), self._rows[at][1]) for at in whole]
        self.sequences = [self.sequences[at] for at in whole]
        # The last token is yet to be given to the decoder.
        lengths = [len(one.prompt) + len(one.tokens) - 1 for one in self.sequences]
        self._lengths = np.array(lengths, np.int64)
        self._caches = [self._merged(caches, rows, max(lengths))]
        self._rows = [(0, row) for row in range(count)]
        self._in_order = True

    def _merged(
        self, caches: Several[tuple[Stepped, Tensors]], rows: Several[Row], longest: int
    ) -> tuple[Stepped, Tensors]:
        steps, (base, memory) = self._steps, caches[0]
        grown = []
        for at, state in enumerate(steps.growing):
            have = base.grown[at].shape[state.axis]
            keep = longest <= have <= longest + longest // _SPARE
            arrays = [one.grown[at] for one, _ in caches]
            grown.append(arranged(arrays, rows, state.axis, have if keep else longest, left=True))
        kept = [
            _on_the_right([one.kept[at] for one, _ in caches], rows, state.axis)
            for at, state in enumerate(steps.kept)
        ]
        return Stepped(base.logits, grown, kept), {
            name: _on_the_right([one[name] for _, one in caches], rows, steps.memory_axis(name))
            for name in memory
        }


def _on_the_right(arrays: Several[NDArray[Any]], rows: Several[Row], axis: int) -> NDArray[Any]:
    """Rows filled up on the right to the longest array; an axis of its own where there is none."""
    length = max(array.shape[axis] for array in arrays)
    return arranged(arrays, rows, axis, length, left=False)
