"""Which samples of Server are too late already, and so can wait until nothing else does."""

_STEP = 1 / 16
_QUANTILE = 0.9
_PATIENCE = 100


class Lateness:
    """Tells samples that can no longer be answered within the bound from those that can.

    While more arrives than can be answered, answering in turn makes all samples late, not only
    those that are too many. To be later still costs a late one nothing by the bound, so those that
    can be in time go first. MLPerf's rules leave the order to the system (inference_rules, "Test
    Data Traversal Order"), and forbid what gains in tests of fixed length alone: a late sample
    waits for a limited time, so that of more than the system can answer all is late before long.

    Args:
        bound_ns: The latency to keep; 0 for no bound, so that nothing is ever late.
    """

    def __init__(self, bound_ns: int) -> None:
        self._bound = bound_ns
        self._service = 0.0

    def took(self, duration_ns: int) -> None:
        """Learn from a batch that was answered in ``duration_ns``.

        What is kept is the time that nine batches in ten stay below: their mean would have half
        of the samples that are answered at the last moment come too late.
        """
        if not self._service:
            self._service = float(duration_ns)
        above = duration_ns > self._service
        self._service *= 1 + _STEP * (_QUANTILE if above else _QUANTILE - 1)

    def is_late(self, arrived: int, now: int) -> bool:
        """Whether a sample that arrived then would, begun now, miss the bound (ns)."""
        return 0 < self._bound < now - arrived + self._service

    def has_starved(self, arrived: int, now: int) -> bool:
        """Whether a late sample has waited so long that it goes before all others (ns)."""
        return now - arrived > _PATIENCE * self._bound
