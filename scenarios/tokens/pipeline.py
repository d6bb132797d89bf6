"""From samples to generated answers in LoadGen's hands: the pipeline of models with a decoder."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from itertools import pairwise
from time import perf_counter_ns
from typing import Any

from mlperf_loadgen import FirstTokenComplete, QuerySampleResponse, QuerySamplesComplete
from numpy.typing import NDArray

from loadscope.datasets.generation import TOKENS, Generation
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.task import Payloads, Postprocess
from loadscope.errors import InputError
from loadscope.scenarios.inference_pipeline import (
    InferencePipeline,
    nothing_left,
    orders,
    payload_bytes,
)
from loadscope.scenarios.tokens.batch import Batch
from loadscope.scenarios.tokens.own import OwnSteps
from loadscope.scenarios.tokens.running import RunningBatch
from loadscope.scenarios.tokens.sequence import Sequence as Answering
from loadscope.scenarios.tokens.steps import Steps


class TokenPipeline(InferencePipeline):
    """Answers samples token by token; drivers that know no tokens answer whole batches with it.

    Args:
        steps: The decoder's.
        library: The sample library, which gives batches of one.
        postprocess: Turns tokens into payloads.
        generation: What begins, ends and bounds an answer.
        token_budget: See ``RunningBatch``.
        first_tokens: Whether LoadGen is told of first tokens, as it wants outside of Offline.

    Attributes:
        steps: As given, as the next three.
        generation: See above.
        budget: The token budget.
        tells_first: Whether LoadGen is told of first tokens.
    """

    def __init__(
        self,
        steps: Steps | OwnSteps,
        library: SampleLibrary,
        postprocess: Postprocess,
        generation: Generation,
        token_budget: int = 0,
        first_tokens: bool = True,
    ) -> None:
        self.steps = steps
        self._batch = library.batch
        self._postprocess = postprocess
        self._total = len(library)
        self.generation = generation
        self.budget = token_budget
        self.tells_first = first_tokens
        self.order, self.offline_order = orders(library)

    def shortened(self, most_new: int) -> "TokenPipeline":
        """The same with answers of so many tokens at most."""
        short = copy(self)
        short.generation = replace(
            self.generation, most_new=min(most_new, self.generation.most_new)
        )
        return short

    def running(self, batch_size: int) -> Batch:
        """A new running batch of so many sequences at most, without any."""
        if isinstance(self.steps, OwnSteps):
            return self.steps.running(self.generation, batch_size, self.budget)
        return RunningBatch(self.steps, self.generation, batch_size, self.budget)

    def open(self, id: int, index: int, arrived: int = 0) -> Answering:
        """Read a sample that is to be answered.

        Args:
            id: LoadGen's response id.
            index: The sample.
            arrived: When it was issued, ``perf_counter_ns``.

        Raises:
            InputError: The model's context has no room for an answer.
        """
        prompt, memory = self.steps.read(self._batch((index,)), self.generation.start)
        limit = self.generation.limit(index, len(prompt))
        if limit <= self.generation.least:
            raise InputError(
                f"sample {index}: a prompt of {len(prompt):,} tokens leaves {max(0, limit):,} of "
                f"the model's context of {self.generation.context:,} for the answer",
                "shorten the prompt, or take a model with a longer context",
            )
        return Answering(id, index, prompt, limit, memory, arrived)

    def tell_first(self, sequences: Sequence[Answering]) -> None:
        """Tell LoadGen of first tokens, if there are any."""
        if not sequences:
            return
        now = perf_counter_ns()
        for one in sequences:
            one.first = now
        if not self.tells_first:
            return
        payloads = [self._payload(one.index, one.answer()[:, :1]) for one in sequences]
        FirstTokenComplete(
            [
                QuerySampleResponse(one.id, *payload_bytes(payload))
                for one, payload in zip(sequences, payloads, strict=True)
            ]
        )

    def tell_done(self, sequences: Sequence[Answering]) -> None:
        """Hand complete answers to LoadGen."""
        payloads = [self._payload(one.index, one.answer()) for one in sequences]
        QuerySamplesComplete(
            [
                QuerySampleResponse(one.id, *payload_bytes(payload), len(one.tokens))
                for one, payload in zip(sequences, payloads, strict=True)
            ]
        )

    def compute(self, indices: Sequence[int]) -> Payloads:
        """See ``InferencePipeline.compute``."""
        sequences = [self.open(0, index) for index in indices]
        self._generate(sequences, lambda first: None)
        return [self._payload(one.index, one.answer()) for one in sequences]

    def timed(self, index: int) -> tuple[NDArray[Any], list[int]]:
        """Answer one sample by itself.

        Returns:
            The payload, and the nanoseconds that each token took, the first's with the prompt.
        """
        marks = [perf_counter_ns()]
        sequence, batch = self.open(0, index), self.running(1)
        batch.join([sequence])
        # A framework's own first step comes after that.
        marks += [perf_counter_ns()] * len(sequence.tokens)
        while batch.sequences:
            batch.step()
            marks += [perf_counter_ns()] * (len(sequence.tokens) + 1 - len(marks))
        spent = [after - before for before, after in pairwise(marks)]
        return self._payload(index, sequence.answer()), spent

    def answer(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """See ``InferencePipeline.answer``."""
        sequences = [self.open(*one) for one in zip(ids, indices, strict=True)]
        self._generate(sequences, self.tell_first)
        self.tell_done(sequences)

    def begin(self, ids: Sequence[int], indices: Sequence[int]) -> Callable[[], None]:
        """See ``InferencePipeline.begin``; nothing is left to do."""
        self.answer(ids, indices)
        return nothing_left

    def _generate(
        self, sequences: Sequence[Answering], told: Callable[[Sequence[Answering]], None]
    ) -> None:
        batch, waiting = self.running(len(sequences)), list(sequences)
        while waiting or batch.sequences:
            joining: list[Answering] = []
            while waiting and batch.fits(waiting[0], joining):
                joining.append(waiting.pop(0))
            if joining:
                batch.join(joining)
                told(batch.begun)
            if batch.sequences:
                batch.step()
                told(batch.begun)

    def _payload(self, index: int, tokens: NDArray[Any]) -> NDArray[Any]:
        (payload,) = self._postprocess({TOKENS: tokens}, (index,))
        return payload
