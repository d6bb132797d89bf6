"""SingleStream and MultiStream: answered inside the query callback."""

from time import perf_counter_ns

from loadscope.scenarios.inference_pipeline import Fail, InferencePipeline
from loadscope.scenarios.recorder import Recorder


class StreamDriver:
    """Answers each query before the callback returns, in batches of at most ``batch_size``.

    Of a query that takes several batches, samples of like size come together.

    A hand-over to a worker thread would cost six times the time of the callback itself, and
    LoadGen issues the next query only after this one's answer, so there is nothing to overlap.
    """

    def __init__(
        self, pipeline: InferencePipeline, batch_size: int, recorder: Recorder, fail: Fail
    ):
        self._answer = pipeline.answer
        self._order = pipeline.order
        self._batch_size = batch_size
        self._recorder = recorder
        self._fail = fail

    def start(self) -> None:
        """Nothing to start: LoadGen's own thread does the work."""

    def issue(self, ids: list[int], indices: list[int]) -> None:
        """LoadGen's query callback."""
        start = perf_counter_ns()
        try:
            size = self._batch_size
            if len(ids) <= size:
                self._answer(ids, indices)
            else:
                if self._order is not None:
                    order = self._order(indices)
                    ids, indices = [ids[at] for at in order], [indices[at] for at in order]
                for at in range(0, len(ids), size):
                    self._answer(ids[at : at + size], indices[at : at + size])
        except BaseException as error:
            self._fail(error)
        self._recorder.query(start, len(ids))

    def flush(self) -> None:
        """Nothing is held back."""

    def stop(self) -> None:
        """Nothing runs."""
