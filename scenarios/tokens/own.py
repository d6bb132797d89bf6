"""Batches of frameworks that keep keys and values to themselves."""

from collections.abc import Sequence as Several
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.generation import Generation
from loadscope.scenarios.tokens.batch import in_budget
from loadscope.scenarios.tokens.sequence import Sequence
from loadscope.scenarios.tokens.steps import Predict, Steps
from loadscope.sut.backend import Artifact, Backend
from loadscope.sut.generating import GeneratingBackend, TokenGenerator
from loadscope.tensors import Tensors


class OwnSteps:
    """What stands for ``Steps`` where the framework steps its decoder.

    Args:
        artifact: With a decoder.
        backend: Its backend.
    """

    def __init__(self, artifact: Artifact, backend: GeneratingBackend) -> None:
        self._prompt_name = artifact.sample_inputs[0].name
        self._backend = backend

    def read(self, sample: Tensors, start: Several[int]) -> tuple[NDArray[Any], Tensors]:
        """See ``Steps.read``: the sample is the prompt."""
        return np.array(sample[self._prompt_name][0]), {}

    def running(self, generation: Generation, batch_size: int, token_budget: int) -> "OwnBatch":
        """A new batch of the framework's own without any sequence."""
        own = self._backend.generator(generation.end, generation.least)
        return OwnBatch(own, generation, batch_size, token_budget)


def steps_of(artifact: Artifact, backend: Backend, encode: Predict | None) -> Steps | OwnSteps:
    """How a loaded model with a decoder is stepped.

    Args:
        artifact: Of the model.
        backend: Its decoder.
        encode: Runs its encoder; None where there is none.
    """
    if isinstance(backend, GeneratingBackend):
        return OwnSteps(artifact, backend)
    return Steps(artifact, backend.predict, encode)


class OwnBatch:
    """See ``Batch``; the framework has sequences wait that have joined and do not fit.

    Args:
        generator: The framework's.
        generation: What begins, ends and bounds an answer.
        batch_size: The most sequences, those that wait included.
        token_budget: See ``RunningBatch``.
    """

    def __init__(
        self,
        generator: TokenGenerator,
        generation: Generation,
        batch_size: int,
        token_budget: int,
    ) -> None:
        self._generator = generator
        self._end = generation.end
        self._batch_size, self._budget = batch_size, token_budget
        self._keyed: dict[int, Sequence] = {}
        self._next = 0
        self.begun: list[Sequence] = []

    @property
    def sequences(self) -> list[Sequence]:
        """See ``Batch.sequences``."""
        return list(self._keyed.values())

    def fits(self, one: Sequence, joining: Several[Sequence]) -> bool:
        """See ``Batch.fits``."""
        rows = [*self._keyed.values(), *joining]
        return len(rows) < self._batch_size and in_budget(rows, one, self._budget)

    def join(self, new: Several[Sequence]) -> list[Sequence]:
        """See ``Batch.join``; first tokens come with a step."""
        for one in new:
            self._generator.begin(self._next, one.prompt, one.limit)
            self._keyed[self._next] = one
            self._next += 1
        self.begun = []
        return []

    def step(self) -> list[Sequence]:
        """See ``Batch.step``."""
        self.begun, done = [], []
        for key, token in self._generator.step():
            one = self._keyed[key]
            if not one.tokens:
                self.begun.append(one)
            one.take(token, self._end)
            if one.done:
                done.append(self._keyed.pop(key))
        return done
