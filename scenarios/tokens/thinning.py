"""Which of very many steps are looked at closely: evenly spread ones, whose number is bounded."""

import threading


class Thinning:
    """Takes each ``stride``-th step; the stride doubles as often as too many were taken.

    How many steps there will be need not be known: what was taken before the stride doubled is
    told from what was not by ``kept``, so that in the end all parts of a test count alike.

    Args:
        limit: The most steps that are kept in the end.

    Attributes:
        stride: The present one.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._seen = 0
        self.stride = 1

    def take(self) -> tuple[int, bool]:
        """The number of the next step, from 0, and whether it is taken."""
        with self._lock:
            number = self._seen
            self._seen += 1
            if number // self.stride >= self._limit:
                self.stride *= 2
            return number, number % self.stride == 0

    def kept(self, number: int) -> bool:
        """Whether a step that was taken still is, now that the stride is what it is."""
        return number % self.stride == 0
