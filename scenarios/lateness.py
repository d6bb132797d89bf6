"""Which samples of Server are too late already, and so can wait until nothing else does."""

from collections.abc import Sequence

_CLASSES = 8
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
        ranks: The place of each sample of the data set in the order of size; None where they are
            all alike. A long text is late sooner than a short one, which takes less time.
    """

    def __init__(self, bound_ns: int, ranks: Sequence[int] | None = None) -> None:
        self._bound = bound_ns
        self._classes = ranks and [rank * _CLASSES // len(ranks) for rank in ranks]
        self._service = [0.0] * _CLASSES

    def took(self, duration_ns: int, indices: Sequence[int]) -> None:
        """Learn from a batch of these samples that was answered in ``duration_ns``.

        What is kept, for samples of about the size of the largest, is the time that nine batches
        in ten stay below: their mean would have half of the samples that are answered at the last
        moment come too late.
        """
        at = max(map(self._class, indices)) if self._classes else 0
        kept = self._service[at] or float(duration_ns)
        self._service[at] = kept * (1 + _STEP * (_QUANTILE - (duration_ns <= kept)))

    def is_late(self, arrived: int, index: int, now: int) -> bool:
        """Whether a sample that arrived then would, begun now, miss the bound (ns)."""
        return 0 < self._bound < now - arrived + self._service[self._class(index)]

    def has_starved(self, arrived: int, now: int) -> bool:
        """Whether a late sample has waited so long that it goes before all others (ns)."""
        return now - arrived > _PATIENCE * self._bound

    def _class(self, index: int) -> int:
        return self._classes[index] if self._classes else 0
