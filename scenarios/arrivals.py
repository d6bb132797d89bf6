"""What waits in Server between LoadGen's callback and the workers, and how it becomes batches."""

import heapq
import queue
import threading
from collections.abc import Sequence
from time import perf_counter_ns
from typing import Protocol

Arrival = tuple[int, int, int]
"""When it arrived (ns of ``perf_counter_ns``), LoadGen's response id, and the sample's index."""

_CHOICE = 4


class Arrivals(Protocol):
    """Samples that have arrived, for any number of workers. ``add`` never blocks."""

    def add(self, now: int, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Take in what has arrived at ``now``."""

    def take(self) -> list[Arrival] | None:
        """Wait for the next batch; None when nothing will follow."""

    def flush(self) -> None:
        """No further queries: stop waiting for batches to fill."""

    def stop(self) -> None:
        """Have every worker's ``take`` end once nothing is left."""


class FirstCome:
    """Batches in the order of arrival: for samples that are all alike.

    A batch is what is there, at most ``batch_size``; one that is not full waits until
    ``wait_ns`` after its first sample arrived. Both bounds hold under overload too, where an
    unbounded drain would grow batches without end.
    """

    def __init__(self, batch_size: int, wait_ns: int) -> None:
        self._batch_size = batch_size
        self._wait_ns = wait_ns
        self._queue: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()

    def add(self, now: int, ids: Sequence[int], indices: Sequence[int]) -> None:
        """See ``Arrivals``."""
        for one, index in zip(ids, indices, strict=True):
            self._queue.put((now, one, index))

    def take(self) -> list[Arrival] | None:
        """See ``Arrivals``."""
        following = self._queue.get()
        batch: list[Arrival] = []
        deadline = following[0] + self._wait_ns if following else 0
        try:
            while following is not None:
                batch.append(following)
                if len(batch) == self._batch_size:
                    return batch
                left = deadline - perf_counter_ns() if self._wait_ns else 0
                following = (
                    self._queue.get(timeout=left / 1e9) if left > 0 else self._queue.get_nowait()
                )
        except queue.Empty:
            return batch
        # The sign to stop is for every worker.
        self._queue.put(None)
        return batch or None

    def flush(self) -> None:
        """See ``Arrivals``."""
        self._wait_ns = 0

    def stop(self) -> None:
        """See ``Arrivals``."""
        self._queue.put(None)


class LikeSized:
    """Batches of like samples: for texts, which are padded to the longest of their batch.

    A batch is the sample that has waited longest and those nearest to it in size, so nothing
    starves. To have a choice, a worker waits until that sample has been there for ``wait_ns``, or
    until there is enough for four batches; it chooses among no more than that, so that a long
    queue costs nothing.

    Args:
        batch_size: Most samples in a batch.
        wait_ns: Longest time that a sample is held back while a worker is free.
        ranks: The place of each sample of the data set in the order of size.
    """

    def __init__(self, batch_size: int, wait_ns: int, ranks: Sequence[int]) -> None:
        self._batch_size = batch_size
        self._wait_ns = wait_ns
        self._ranks = ranks
        self._waiting: list[Arrival] = []
        self._stopped = False
        self._changed = threading.Condition()

    def add(self, now: int, ids: Sequence[int], indices: Sequence[int]) -> None:
        """See ``Arrivals``."""
        with self._changed:
            self._waiting.extend((now, *pair) for pair in zip(ids, indices, strict=True))
            self._changed.notify()

    def take(self) -> list[Arrival] | None:
        """See ``Arrivals``."""
        with self._changed:
            while not (self._waiting and self._is_due()):
                if not self._waiting and self._stopped:
                    return None
                self._changed.wait(self._left() / 1e9 if self._waiting else None)
            return self._choose()

    def flush(self) -> None:
        """See ``Arrivals``."""
        with self._changed:
            self._wait_ns = 0
            self._changed.notify_all()

    def stop(self) -> None:
        """See ``Arrivals``."""
        self._stopped = True
        self.flush()

    def _left(self) -> int:
        return max(0, self._waiting[0][0] + self._wait_ns - perf_counter_ns())

    def _is_due(self) -> bool:
        return len(self._waiting) >= _CHOICE * self._batch_size or not self._left()

    def _choose(self) -> list[Arrival]:
        among = self._waiting[: _CHOICE * self._batch_size]
        rank = self._ranks[among[0][2]]
        # The oldest itself is at distance 0 and first of equals.
        batch = heapq.nsmallest(
            self._batch_size, among, key=lambda one: abs(self._ranks[one[2]] - rank)
        )
        taken = {one for _, one, _ in batch}
        self._waiting[: len(among)] = [one for one in among if one[1] not in taken]
        if self._waiting:
            # Several may have come with one notice.
            self._changed.notify()
        return batch
