"""Notes of what a scenario's driver and its batches do, for traces; measured runs have none."""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import time_ns
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.task import (
    Payloads,
    Postprocess,
)
from loadscope.scenarios.inference_pipeline import InferencePipeline, complete, nothing_left
from loadscope.scenarios.session import Driver
from loadscope.sut.backend import Backend
from loadscope.sut.tracing import Tracer
from loadscope.tensors import Tensors

Counters = Callable[[], Mapping[str, int]]
"""Reads counters; the difference of two readings is what was counted in between."""

WHOLE = "batch"
"""What a note is of where samples are answered whole."""


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
        what: ``batch``, or of generated answers which step: ``encoder``, ``prompts``, ``tokens``.
        number: Its number among the steps of its kind, from 0.
        traced: Whether the tracer ran it, and has a record of it.
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
    what: str = WHOLE
    number: int = 0
    traced: bool = True


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of the model; as of ``BatchNote``."""

    ready: int
    called: int
    predicted: int
    counters: tuple[Mapping[str, int], Mapping[str, int]] | None


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

    def kept(self, note: BatchNote) -> bool:
        """Whether a note's record is kept: all are."""
        return True

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
        if self._outputs is not None:
            return [self._noted_passes(ids[at : at + 1], index) for at, index in enumerate(indices)]
        start = time_ns()
        batch = self._batch(indices)
        outputs, call = self._call(batch)
        # Counters are read inside the batch and outside of its parts.
        given = time_ns()
        payloads = self._postprocess(outputs, indices)
        computed = time_ns()
        # LoadGen may use an id anew as soon as it has the answer.
        places = tuple(self._places[one] for one in ids)
        if ids:
            complete(ids, payloads)
        self._note(start, call, given, computed, places)
        return payloads

    def _noted_passes(self, ids: Sequence[int], index: int) -> NDArray[Any]:
        """Answer one sample of several passes; each is noted as a batch that answers it."""
        if self._outputs is None:
            raise TypeError("the library's samples take one pass")
        places = tuple(self._places[one] for one in ids)
        start = time_ns()
        last: _Call | None = None

        def predict(batch: Tensors) -> Tensors:
            nonlocal start, last
            if last is not None:
                # What lies between two passes puts the first one's outputs in their places.
                self._note(start, last, last.predicted, time_ns(), places)
                start = time_ns()
            outputs, last = self._call(batch)
            return outputs

        outputs = self._outputs(predict, index)
        given = time_ns()
        payload = np.asarray(self._postprocess(outputs, [index])[0])
        computed = time_ns()
        if ids:
            complete(ids, [payload])
        if last is not None:
            self._note(start, last, given, computed, places)
        return payload

    def _call(self, batch: Tensors) -> "tuple[Tensors, _Call]":
        ready = time_ns()
        with self._gate:
            before = self._counters() if self._counters else None
            called = time_ns()
            outputs = self._predict(batch)
            predicted = time_ns()
            after = self._counters() if self._counters else None
        counted = (before, after) if before is not None and after is not None else None
        return outputs, _Call(ready, called, predicted, counted)

    def _note(
        self, start: int, call: "_Call", given: int, computed: int, places: tuple[int, ...]
    ) -> None:
        self.notes.append(
            BatchNote(
                start,
                call.ready,
                call.called,
                call.predicted,
                given,
                computed,
                time_ns(),
                threading.get_native_id(),
                threading.current_thread().name,
                places,
                call.counters,
            )
        )


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
