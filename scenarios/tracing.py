"""Notes of what a scenario's driver and its batches do, for traces; measured runs have none."""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import time_ns
from typing import Protocol

from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.task import (
    Payloads,
    Postprocess,
)
from loadscope.scenarios.inference_pipeline import InferencePipeline, complete, nothing_left
from loadscope.scenarios.session import Driver
from loadscope.sut.backend import Backend
from loadscope.sut.tracing import Tracer

Counters = Callable[[], Mapping[str, int]]
"""Reads counters; the difference of two readings is what was counted in between."""


@dataclass(frozen=True, slots=True)
class BatchNote:
    """One batch, times in unix nanoseconds.

    Attributes:
        start: Its samples begin to be looked up.
        ready: They are together.
        called: ``predict`` begins.
        predicted: It has returned.
        given: Post-processing begins.
        computed: The payloads are there.
        end: LoadGen has them.
        thread: The thread's id in the operating system.
        worker: The thread's name.
        samples: The positions, in the order of issue, of the samples that it answers.
        counters: Readings before and after ``predict``.
        what: ``batch``, or of generated answers which step: ``prompts``, ``tokens``.
    """

    start: int
    ready: int
    called: int
    predicted: int
    given: int
    computed: int
    end: int
    thread: int
    worker: str
    samples: tuple[int, ...]
    counters: tuple[Mapping[str, int], Mapping[str, int]] | None
    what: str = "batch"


class TracedPipeline(InferencePipeline):
    """Answers as ``InferencePipeline`` does and notes each step.

    Args:
        backend: The loaded backend.
        library: The sample library.
        postprocess: Turns outputs into payloads.
        tracer: Runs the model.
        serial: Whether no two predicts may overlap.
        counters: Read around each predict.
    """

    def __init__(
        self,
        backend: Backend,
        library: SampleLibrary,
        postprocess: Postprocess,
        tracer: Tracer,
        serial: bool,
        counters: Counters | None = None,
    ) -> None:
        super().__init__(backend, library, postprocess)
        self.notes: list[BatchNote] = []
        self._predict = tracer.predict
        self._gate: contextlib.AbstractContextManager[object] = (
            threading.Lock() if serial else contextlib.nullcontext()
        )
        self._counters = counters
        self._places: dict[int, int] = {}
        self.issued: list[tuple[int, int]] = []

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Note samples that LoadGen issues: when, and which of the data set."""
        now, first = time_ns(), len(self.issued)
        self._places.update(zip(ids, range(first, first + len(ids)), strict=True))
        self.issued.extend((now, index) for index in indices)

    def compute(self, indices: Sequence[int]) -> Payloads:
        """Answer samples without LoadGen, noting what a test would."""
        return self._noted((), indices)

    def answer(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """As ``InferencePipeline.answer``."""
        self._noted(ids, indices)

    def begin(self, ids: Sequence[int], indices: Sequence[int]) -> Callable[[], None]:
        """As ``InferencePipeline.begin``; a note is of one batch from its start to its end."""
        self._noted(ids, indices)
        return nothing_left

    def _noted(self, ids: Sequence[int], indices: Sequence[int]) -> Payloads:
        start = time_ns()
        batch = self._batch(indices)
        ready = time_ns()
        with self._gate:
            before = self._counters() if self._counters else None
            called = time_ns()
            outputs = self._predict(batch)
            predicted = time_ns()
            after = self._counters() if self._counters else None
        # Counters are read inside the batch and outside of its parts.
        given = time_ns()
        payloads = self._postprocess(outputs, indices)
        computed = time_ns()
        # LoadGen may use an id anew as soon as it has the answer.
        places = tuple(self._places[one] for one in ids)
        if ids:
            complete(ids, payloads)
        self.notes.append(
            BatchNote(
                start,
                ready,
                called,
                predicted,
                given,
                computed,
                time_ns(),
                threading.get_native_id(),
                threading.current_thread().name,
                places,
                (before, after) if before is not None and after is not None else None,
            )
        )
        return payloads


class Issued(Protocol):
    """A pipeline that is told what LoadGen issues."""

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Note samples that LoadGen issues: when, and which of the data set."""


class TracingDriver:
    """A driver that tells of each query before the scenario's own driver takes it."""

    def __init__(self, driver: Driver, pipeline: "Issued") -> None:
        self._driver = driver
        self._note = pipeline.issue
        self.start = driver.start
        self.flush = driver.flush
        self.stop = driver.stop

    def issue(self, ids: list[int], indices: list[int]) -> None:
        """LoadGen's query callback."""
        self._note(ids, indices)
        self._driver.issue(ids, indices)
