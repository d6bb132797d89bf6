"""What waits in Server between LoadGen's callback and the workers, and how it becomes batches."""

import heapq
import queue
import threading
from collections import deque
from collections.abc import Sequence
from time import perf_counter_ns
from typing import Protocol

from loadscope.scenarios.deadline_policy import DeadlinePolicy

Arrival = tuple[int, int, int]
"""When it arrived (ns of ``perf_counter_ns``), LoadGen's response id, and the sample's index."""

_CHOICE = 4


class BatchQueue(Protocol):
    """Samples that have arrived, for any number of workers. ``add`` never blocks."""

    def add(self, now: int, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Take in what has arrived at ``now``."""

    def take(self) -> list[Arrival] | None:
        """Wait for the next batch; None when nothing will follow."""

    def flush(self) -> None:
        """No further queries: stop waiting for batches to fill."""

    def stop(self) -> None:
        """Have every worker's ``take`` end once nothing is left."""


class FirstComeQueue:
    """Batches in the order of arrival, of late samples last: for samples all alike, or one by one.

    A batch is what is there, at most ``batch_size`` and so few that its first sample is in time;
    one that is not full waits until ``wait_ns`` after its first sample arrived. These bounds hold
    under overload too, where an unbounded drain would grow batches without end.

    Args:
        batch_size: Most samples in a batch.
        wait_ns: Longest time that a sample is held back while a worker is free.
        deadlines: Tells which samples are late, and how large a batch may be.
    """

    def __init__(self, batch_size: int, wait_ns: int, deadlines: DeadlinePolicy) -> None:
        self._batch_size = batch_size
        self._wait_ns = wait_ns
        self._deadlines = deadlines
        self._queue: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self._late: deque[Arrival] = deque()

    def add(self, now: int, ids: Sequence[int], indices: Sequence[int]) -> None:
        """See ``BatchQueue``."""
        for one, index in zip(ids, indices, strict=True):
            self._queue.put((now, one, index))

    def take(self) -> list[Arrival] | None:
        """See ``BatchQueue``."""
        while True:
            if self._late and (batch := self._starved()):
                return batch
            try:
                first = self._next_in_time(0 if self._late else None)
            except queue.Empty:
                # Another worker may have been quicker.
                if batch := self._take_late():
                    return batch
                continue
            return self._filled(first) if first else self._take_late() or None

    def flush(self) -> None:
        """See ``BatchQueue``."""
        self._wait_ns = 0

    def stop(self) -> None:
        """See ``BatchQueue``."""
        self._queue.put(None)

    def _next_in_time(self, timeout: float | None) -> Arrival | None:
        """The next sample that is not late; None for the sign to stop.

        Raises:
            queue.Empty: There is none within ``timeout`` seconds, or none but late ones.
        """
        while following := self._queue.get(timeout=timeout):
            if self._room(following):
                return following
            self._late.append(following)
            timeout = 0
        # The sign to stop is for every worker.
        self._queue.put(None)
        return None

    def _room(self, first: Arrival) -> int:
        # What is held back may become a full batch.
        there = self._batch_size if self._wait_ns else 1 + self._queue.qsize()
        most = min(self._batch_size, there)
        return self._deadlines.room(first[0], first[2], perf_counter_ns(), most)

    def _filled(self, first: Arrival) -> list[Arrival]:
        batch, deadline = [first], first[0] + self._wait_ns
        room = self._room(first)
        try:
            while len(batch) < room:
                left = deadline - perf_counter_ns() if self._wait_ns else 0
                following = self._next_in_time(max(0, left) / 1e9)
                if following is None:
                    break
                batch.append(following)
        except queue.Empty:
            pass
        return batch

    def _starved(self) -> list[Arrival]:
        try:
            starved = self._deadlines.has_starved(self._late[0][0], perf_counter_ns())
        except IndexError:
            return []
        return self._take_late() if starved else []

    def _take_late(self) -> list[Arrival]:
        batch: list[Arrival] = []
        try:
            while len(batch) < self._batch_size:
                batch.append(self._late.popleft())
        except IndexError:
            pass
        return batch


class LikeSizedQueue:
    """Batches of like samples: for texts, which are padded to the longest of their batch.

    A batch is the sample that has waited longest and those nearest to it in size, so nothing
    starves; it has fewer where that sample would be late for them. To have a choice, a worker
    waits until that sample has been there for ``wait_ns``, or until there is enough for four
    batches; it chooses among no more than that, so that a long queue costs nothing. Samples that
    are late make batches of their own, last.

    Args:
        batch_size: Most samples in a batch.
        wait_ns: Longest time that a sample is held back while a worker is free.
        deadlines: Tells which samples are late, and how large a batch may be.
        ranks: The place of each sample of the data set in the order of size.
    """

    def __init__(
        self, batch_size: int, wait_ns: int, deadlines: DeadlinePolicy, ranks: Sequence[int]
    ) -> None:
        self._batch_size = batch_size
        self._wait_ns = wait_ns
        self._deadlines = deadlines
        self._ranks = ranks
        self._waiting: list[Arrival] = []
        self._late: list[Arrival] = []
        self._stopped = False
        self._changed = threading.Condition()

    def add(self, now: int, ids: Sequence[int], indices: Sequence[int]) -> None:
        """See ``BatchQueue``."""
        with self._changed:
            self._waiting.extend((now, *pair) for pair in zip(ids, indices, strict=True))
            self._changed.notify()

    def take(self) -> list[Arrival] | None:
        """See ``BatchQueue``."""
        with self._changed:
            while True:
                now = perf_counter_ns()
                self._put_off(now)
                if self._late and self._deadlines.has_starved(self._late[0][0], now):
                    return self._choose(self._late, now)
                if self._waiting and self._is_due(now):
                    return self._choose(self._waiting, now)
                if self._late and not self._waiting:
                    return self._choose(self._late, now)
                if not self._waiting and self._stopped:
                    return None
                self._changed.wait(self._left(now) / 1e9 if self._waiting else None)

    def flush(self) -> None:
        """See ``BatchQueue``."""
        with self._changed:
            self._wait_ns = 0
            self._changed.notify_all()

    def stop(self) -> None:
        """See ``BatchQueue``."""
        self._stopped = True
        self.flush()

    def _put_off(self, now: int) -> None:
        # Of those that are chosen from alone: a long queue costs nothing here either.
        most = _CHOICE * self._batch_size
        while late := [one for one in self._waiting[:most] if not self._room(one, now)]:
            self._late += late
            self._waiting[:most] = [one for one in self._waiting[:most] if one not in late]

    def _room(self, one: Arrival, now: int) -> int:
        most = self._batch_size if self._wait_ns else min(self._batch_size, len(self._waiting))
        return self._deadlines.room(one[0], one[2], now, most)

    def _left(self, now: int) -> int:
        return max(0, self._waiting[0][0] + self._wait_ns - now)

    def _is_due(self, now: int) -> bool:
        return len(self._waiting) >= _CHOICE * self._batch_size or not self._left(now)

    def _choose(self, waiting: list[Arrival], now: int) -> list[Arrival]:
        among = waiting[: _CHOICE * self._batch_size]
        rank = self._ranks[among[0][2]]
        # The oldest itself is at distance 0 and first of equals.
        batch = heapq.nsmallest(
            self._batch_size, among, key=lambda one: abs(self._ranks[one[2]] - rank)
        )
        if waiting is self._waiting:
            largest = max((index for _, _, index in batch), key=self._ranks.__getitem__)
            room = self._deadlines.room(batch[0][0], largest, now, len(batch))
            # It has room by itself, or would have been put off.
            batch = batch[: max(1, room)]
        taken = {one for _, one, _ in batch}
        waiting[: len(among)] = [one for one in among if one[1] not in taken]
        if self._waiting or self._late:
            # Several may have come with one notice.
            self._changed.notify()
        return batch
