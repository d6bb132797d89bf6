"""Offline: one large query, cut into batches over workers."""

import queue
import threading
from collections.abc import Callable, Iterator
from time import perf_counter_ns

from loadscope.scenarios.inference_pipeline import Fail, InferencePipeline
from loadscope.scenarios.recorder import Recorder

_TOGETHER = 8
"""Samples of a worker whose answers are post-processed and handed over in one go. Right after a
model has run, none of that code is in the core's cache, and it takes three times as long."""

_Job = tuple[list[int], list[int], Iterator[int]]


class OfflineDriver:
    """Workers take the next batch of the query as they become free.

    Where samples differ in size, like ones come together in a batch, and elsewhere neighbours in
    memory. Beyond that the callback only publishes the query and returns; slicing and copying
    happen on the workers. ``next`` on a range iterator is atomic under the interpreter lock, so
    the iterator is the whole work queue.
    """

    def __init__(
        self,
        pipeline: InferencePipeline,
        batch_size: int,
        workers: int,
        recorder: Recorder,
        fail: Fail,
    ) -> None:
        self._begin = pipeline.begin
        self._order = pipeline.offline_order
        self._batch_size = batch_size
        self._recorder = recorder
        self._fail = fail
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"offline-{number}")
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def issue(self, ids: list[int], indices: list[int]) -> None:
        """LoadGen's query callback."""
        self._recorder.issued(len(ids))
        if self._order is not None:
            try:
                order = self._order(indices)
            except BaseException as error:
                self._fail(error)
                raise
            ids, indices = [ids[at] for at in order], [indices[at] for at in order]
        job = (ids, indices, iter(range(0, len(ids), self._batch_size)))
        for _ in self._threads:
            self._jobs.put(job)

    def flush(self) -> None:
        """Nothing is held back."""

    def stop(self) -> None:
        """Let the workers end after what was issued."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                ids, indices, starts = job
                begun_ones: list[Callable[[], None]] = []
                for at in starts:
                    end = at + self._batch_size
                    begun = perf_counter_ns()
                    begun_ones.append(self._begin(ids[at:end], indices[at:end]))
                    self._recorder.batch(begun, min(end, len(ids)) - at, number)
                    if len(begun_ones) * self._batch_size >= _TOGETHER:
                        _finish(begun_ones)
                _finish(begun_ones)
        except BaseException as error:
            self._fail(error)


def _finish(begun: list[Callable[[], None]]) -> None:
    for finish in begun:
        finish()
    begun.clear()
