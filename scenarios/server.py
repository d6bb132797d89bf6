"""Server: queries arrive one by one and are merged into batches by workers."""

import threading
from collections.abc import Sequence
from time import perf_counter_ns

from loadscope.scenarios.batch_queue import BatchQueue, FirstComeQueue, LikeSizedQueue
from loadscope.scenarios.deadline_policy import DeadlinePolicy
from loadscope.scenarios.inference_pipeline import Fail, InferencePipeline
from loadscope.scenarios.recorder import Recorder


class ServerDriver:
    """A queue with dynamic batching: a maximum size and a maximum wait.

    The callback puts each sample in an unbounded queue, so it never blocks LoadGen's issuing
    thread. Where samples differ in size, like ones come together in a batch. Samples that cannot
    be answered within ``late_after_ms`` any more wait until nothing else does.
    """

    def __init__(
        self,
        pipeline: InferencePipeline,
        batch_size: int,
        workers: int,
        max_wait_ms: float,
        late_after_ms: float,
        recorder: Recorder,
        fail: Fail,
    ) -> None:
        self._answer = pipeline.answer
        self._recorder = recorder
        self._fail = fail
        wait_ns = int(max_wait_ms * 1e6)
        ranks = pipeline.ranks()
        self._deadlines = DeadlinePolicy(int(late_after_ms * 1e6), ranks)
        self._arrivals: BatchQueue = (
            FirstComeQueue(batch_size, wait_ns, self._deadlines)
            if ranks is None or batch_size == 1
            else LikeSizedQueue(batch_size, wait_ns, self._deadlines, ranks)
        )
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
        self._arrivals.add(perf_counter_ns(), ids, indices)
        self._recorder.issued(len(ids))

    def flush(self) -> None:
        """No further queries: stop waiting for batches to fill."""
        self._arrivals.flush()

    def stop(self) -> None:
        """Let the workers end after what was issued."""
        self._arrivals.stop()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        try:
            while (batch := self._arrivals.take()) is not None:
                begun = perf_counter_ns()
                arrived, ids, indices = zip(*batch, strict=True)
                self._answer(ids, indices)
                end = perf_counter_ns()
                self._deadlines.took(end - begun, indices)
                self._recorder.answered([end - at for at in arrived])
                self._recorder.batch(begun, len(ids), number)
        except BaseException as error:
            self._fail(error)
