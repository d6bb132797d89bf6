"""Server: queries arrive one by one and are merged into batches by workers."""

import queue
import threading
from collections.abc import Sequence
from time import perf_counter_ns

from loadscope.scenarios.answering import Answering, Fail
from loadscope.scenarios.recorder import Recorder

_Arrival = tuple[int, int, int]


class ServerDriver:
    """A queue with dynamic batching: a maximum size and a maximum wait.

    The callback puts each sample in an unbounded queue, so it never blocks LoadGen's issuing
    thread. A worker takes what is there, at most ``batch_size``; a batch that is not full
    waits until ``max_wait_ms`` after its first sample arrived. Both bounds hold under
    overload too, where an unbounded drain would grow batches without end.
    """

    def __init__(
        self,
        answering: Answering,
        batch_size: int,
        workers: int,
        max_wait_ms: float,
        recorder: Recorder,
        fail: Fail,
    ) -> None:
        self._answer = answering.answer
        self._batch_size = batch_size
        self._wait_ns = int(max_wait_ms * 1e6)
        self._recorder = recorder
        self._fail = fail
        self._queue: queue.SimpleQueue[_Arrival | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"server-{number}")
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """LoadGen's query callback; more than one sample where LoadGen coalesces queries."""
        now = perf_counter_ns()
        for one, index in zip(ids, indices, strict=True):
            self._queue.put((now, one, index))

    def flush(self) -> None:
        """No further queries: stop waiting for batches to fill."""
        self._wait_ns = 0

    def stop(self) -> None:
        """Let the workers end after what was issued."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        try:
            while (first := self._queue.get()) is not None:
                batch = self._fill(first)
                begun = perf_counter_ns()
                arrived, ids, indices = zip(*batch, strict=True)
                self._answer(ids, indices)
                end = perf_counter_ns()
                self._recorder.latencies.extend([end - at for at in arrived])
                self._recorder.batch(begun, len(ids), number)
        except BaseException as error:
            self._fail(error)

    def _fill(self, first: _Arrival) -> list[_Arrival]:
        batch = [first]
        deadline = first[0] + self._wait_ns
        try:
            while len(batch) < self._batch_size:
                left = deadline - perf_counter_ns() if self._wait_ns else 0
                following = (
                    self._queue.get(timeout=left / 1e9) if left > 0 else self._queue.get_nowait()
                )
                if following is None:
                    # The sign to stop is for one worker; it must be found again after this batch.
                    self._queue.put(None)
                    break
                batch.append(following)
        except queue.Empty:
            pass
        return batch
