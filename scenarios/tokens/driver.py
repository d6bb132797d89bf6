"""Offline and Server for models with a decoder: samples join and leave batches that run on."""

import threading
from collections import deque
from time import perf_counter_ns

from loadscope.scenarios.inference_pipeline import Fail
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.tokens.batch import Batch
from loadscope.scenarios.tokens.pipeline import TokenPipeline
from loadscope.scenarios.tokens.sequence import Sequence

_Waiting = tuple[int, int, int]
"""When a sample was issued, LoadGen's response id, and its index."""


class TokenDriver:
    """Each worker has a running batch; a sample joins the first that has room for it.

    The callback only publishes samples. What has arrived joins before the next step, so that its
    first token waits for one step of others at most. In Offline too: a row that stays empty until
    several samples can read their prompts in one step costs more than that step saves.

    Args:
        pipeline: The model's part.
        batch_size: The most samples of a running batch.
        workers: Threads, each with a running batch.
        recorder: Notes what is answered.
        fail: Ends the test.
    """

    def __init__(
        self,
        pipeline: TokenPipeline,
        batch_size: int,
        workers: int,
        recorder: Recorder,
        fail: Fail,
    ) -> None:
        self._pipeline = pipeline
        self._batch_size = batch_size
        self._recorder = recorder
        self._fail = fail
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"tokens-{number}")
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def issue(self, ids: list[int], indices: list[int]) -> None:
        """LoadGen's query callback."""
        self._recorder.issued(len(ids))
        now = perf_counter_ns()
        try:
            if self._pipeline.offline_order is not None and len(ids) > 1:
                order = self._pipeline.offline_order(indices)
                ids, indices = [ids[at] for at in order], [indices[at] for at in order]
        except BaseException as error:
            self._fail(error)
            raise
        with self._changed:
            self._waiting.extend(zip([now] * len(ids), ids, indices, strict=True))
            self._changed.notify_all()

    def flush(self) -> None:
        """Nothing is held back."""

    def stop(self) -> None:
        """Let the workers end after what was issued."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        try:
            batch = self._pipeline.running(self._batch_size)
            held: list[Sequence] = []
            begun = perf_counter_ns()
            while True:
                joining = self._joining(batch, held)
                done = []
                if joining:
                    done += batch.join(joining)
                    self._pipeline.tell_first(batch.begun)
                if batch.sequences:
                    done += batch.step()
                    self._pipeline.tell_first(batch.begun)
                elif not joining:
                    if not self._wait():
                        return
                    begun = perf_counter_ns()
                if done:
                    self._answered(done, begun, number)
                    begun = perf_counter_ns()
        except BaseException as error:
            self._fail(error)

    def _joining(self, batch: Batch, held: list[Sequence]) -> list[Sequence]:
        """What joins now; a sample that was read and does not fit is held for the next time."""
        joining: list[Sequence] = []
        while True:
            if not held:
                try:
                    arrived, id, index = self._waiting.popleft()
                except IndexError:
                    return joining
                held.append(self._pipeline.open(id, index, arrived))
            if not batch.fits(held[0], joining):
                return joining
            joining.append(held.pop())

    def _wait(self) -> bool:
        """Wait for samples; whether there are any, for none come any more otherwise."""
        with self._changed:
            while not self._waiting and not self._stopped:
                self._changed.wait()
            return bool(self._waiting)

    def _answered(self, done: list[Sequence], begun: int, number: int) -> None:
        self._pipeline.tell_done(done)
        now = perf_counter_ns()
        self._recorder.answered([now - one.arrived for one in done])
        self._recorder.batch(begun, len(done), number)
