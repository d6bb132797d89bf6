"""Generated answers with each step of encoder and decoder noted, for traces."""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from time import time_ns

from loadscope.datasets.generation import Generation
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.task import Postprocess
from loadscope.scenarios.tokens.pipeline import TokenPipeline
from loadscope.scenarios.tokens.running import RunningBatch
from loadscope.scenarios.tokens.sequence import Sequence as Answering
from loadscope.scenarios.tokens.steps import Predict, Steps
from loadscope.scenarios.tokens.thinning import Thinning
from loadscope.scenarios.tracing import BatchNote, Counters
from loadscope.sut.tracing import Tracer
from loadscope.tensors import Tensors

ENCODER, PROMPTS, TOKENS = "encoder", "prompts", "tokens"
"""What a step is of: a sample that an encoder reads, new prompts, or a token more of each row."""

TRACED_STEPS: Mapping[str, int] = {ENCODER: 32, PROMPTS: 32, TOKENS: 96}
"""The most steps of each kind that a tracer runs in a test and that are kept. A hundred steps of
two hundred layers are twenty thousand records; all steps of twenty answers would be half a
million, gigabytes and minutes to read."""


class TracedTokenPipeline(TokenPipeline):
    """Answers as ``TokenPipeline`` does; each step of encoder and decoder is a note.

    What happens between two steps is between their notes: tokens are chosen, rows come and go.
    All steps are noted. Evenly spread ones run in the tracer, the others as without one.

    Args:
        plain: The pipeline to trace.
        library: The sample library.
        postprocess: Turns tokens into payloads.
        tracer: Runs the decoder.
        serial: Whether no two steps may overlap.
        counters: Read around each step.
        encoder: Runs the encoder; None where there is none, or it is not traced.
        thin: Whether ``TRACED_STEPS`` bound what the tracers run; otherwise they run all steps.
    """

    def __init__(
        self,
        plain: TokenPipeline,
        library: SampleLibrary,
        postprocess: Postprocess,
        tracer: Tracer,
        serial: bool,
        counters: Counters | None = None,
        encoder: Tracer | None = None,
        thin: bool = True,
    ) -> None:
        if not isinstance(plain.steps, Steps):
            raise TypeError("the framework steps its decoder by itself")
        steps = plain.steps.running_by(
            lambda decode: self._noting(decode, tracer),
            lambda encode: self._noting(encode, encoder),
        )
        super().__init__(
            steps, library, postprocess, plain.generation, plain.budget, plain.tells_first
        )
        self._noted = steps
        self.notes: list[BatchNote] = []
        self.issued: list[tuple[int, int]] = []
        self._thinning = {what: Thinning(most) for what, most in TRACED_STEPS.items()}
        self._thin = thin
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

    def kept(self, note: BatchNote) -> bool:
        """Whether a note's record is kept, of those that a tracer ran; known after the test."""
        return not self._thin or self._thinning[note.what].kept(note.number)

    def open(self, id: int, index: int, arrived: int = 0) -> Answering:
        """See ``TokenPipeline.open``; an encoder's step is the sample's."""
        place = self._places.get(id)
        self._under_way_are(ENCODER, () if place is None else (place,))
        return super().open(id, index, arrived)

    def running(self, batch_size: int) -> RunningBatch:
        """See ``TokenPipeline.running``; it says who is in each step."""

        def told(what: str, sequences: Sequence[Answering]) -> None:
            places = [self._places[one.id] for one in sequences if one.id in self._places]
            self._under_way_are(what, tuple(places))

        return _Telling(self._noted, self.generation, batch_size, self.budget, told)

    def _under_way_are(self, what: str, places: tuple[int, ...]) -> None:
        self._under_way.what, self._under_way.places = what, places

    def _noting(self, plain: Predict, tracer: Tracer | None) -> Predict:
        """A way to run a network that notes each step, and how it was run."""

        def noted(batch: Tensors) -> Tensors:
            what: str = self._under_way.what
            number, taken = self._thinning[what].take()
            traced = tracer is not None and (taken or not self._thin)
            predict = tracer.predict if tracer is not None and traced else plain
            with self._gate:
                before = self._counters() if self._counters else None
                called = time_ns()
                outputs = predict(batch)
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
                    what,
                    number,
                    traced,
                )
            )
            return outputs

        return noted


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
        self._told(PROMPTS, new)
        return super().join(new)

    def step(self) -> list[Answering]:
        """See ``RunningBatch.step``."""
        self._told(TOKENS, self.sequences)
        return super().step()
