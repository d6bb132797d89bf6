"""Generated answers with each step of the decoder noted, for traces."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from time import time_ns

from loadscope.datasets.generation import Generation
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.task import Postprocess
from loadscope.scenarios.tokens.pipeline import TokenPipeline
from loadscope.scenarios.tokens.running import RunningBatch
from loadscope.scenarios.tokens.sequence import Sequence as Answering
from loadscope.scenarios.tokens.steps import Steps
from loadscope.scenarios.tracing import BatchNote, Counters
from loadscope.sut.tracing import Tracer
from loadscope.tensors import Tensors


class TracedTokenPipeline(TokenPipeline):
    """Answers as ``TokenPipeline`` does; each step of the decoder is a note with its sequences.

    What happens between two steps is between their notes: tokens are chosen, rows come and go.

    Args:
        plain: The pipeline to trace.
        library: The sample library.
        postprocess: Turns tokens into payloads.
        tracer: Runs the decoder.
        serial: Whether no two steps may overlap.
        counters: Read around each step.
    """

    def __init__(
        self,
        plain: TokenPipeline,
        library: SampleLibrary,
        postprocess: Postprocess,
        tracer: Tracer,
        serial: bool,
        counters: Counters | None = None,
    ) -> None:
        steps = plain.steps.with_decoder(self._noted)
        super().__init__(
            steps, library, postprocess, plain.generation, plain.budget, plain.tells_first
        )
        self.notes: list[BatchNote] = []
        self.issued: list[tuple[int, int]] = []
        self._predict_step = tracer.predict
        self._gate: contextlib.AbstractContextManager[object] = (
            threading.Lock() if serial else contextlib.nullcontext()
        )
        self._counters = counters
        self._places: dict[int, int] = {}
        self._under_way = threading.local()

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Note samples that LoadGen issues: when, and which of the data set."""
        now, first = time_ns(), len(self.issued)
        self._places.update(zip(ids, range(first, first + len(ids)), strict=True))
        self.issued.extend((now, index) for index in indices)

    def running(self, batch_size: int) -> RunningBatch:
        """See ``TokenPipeline.running``; it says who is in each step."""
        return _Telling(self.steps, self.generation, batch_size, self.budget, self._under_way_are)

    def _under_way_are(self, what: str, sequences: Sequence[Answering]) -> None:
        self._under_way.what = what
        self._under_way.places = tuple(
            self._places[one.id] for one in sequences if one.id in self._places
        )

    def _noted(self, batch: Tensors) -> Tensors:
        with self._gate:
            before = self._counters() if self._counters else None
            called = time_ns()
            outputs = self._predict_step(batch)
            predicted = time_ns()
            after = self._counters() if self._counters else None
        self.notes.append(
            BatchNote(
                called,
                called,
                called,
                predicted,
                predicted,
                predicted,
                predicted,
                threading.get_native_id(),
                threading.current_thread().name,
                self._under_way.places,
                (before, after) if before is not None and after is not None else None,
                self._under_way.what,
            )
        )
        return outputs


class _Telling(RunningBatch):
    """A running batch that says before each step whose it is."""

    def __init__(
        self,
        steps: Steps,
        generation: Generation,
        batch_size: int,
        token_budget: int,
        told: Callable[[str, Sequence[Answering]], None],
    ) -> None:
        super().__init__(steps, generation, batch_size, token_budget)
        self._told = told

    def join(self, new: Sequence[Answering]) -> list[Answering]:
        """See ``RunningBatch.join``."""
        self._told("prompts", new)
        return super().join(new)

    def step(self) -> list[Answering]:
        """See ``RunningBatch.step``."""
        self._told("tokens", self.sequences)
        return super().step()
