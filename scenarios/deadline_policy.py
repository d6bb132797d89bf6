"""Which samples of Server are too late already, and which batches keep the others in time."""

from collections.abc import Sequence

_CLASSES = 8
"""Sizes whose times are kept apart. More would tell long samples from short ones better, and each
would learn from fewer batches; of eight each is told of an eighth of the samples."""
_STEP = 1 / 16
"""How far one batch moves a time that is kept: a slow one by 6 %, so that it alone ends nothing,
and a machine that became half as fast is followed within thirteen batches."""
_QUANTILE = 0.9
"""Share of the batches that stay below the time that is kept. By their mean half of the samples
that are answered at the last moment would come too late, by the slowest many be given up."""
_PATIENCE = 100
"""Bounds that a late sample waits at most. It is seconds in a test of ten minutes: an overload that
passes is over by then, one that lasts makes all late before long, as it would in turn."""
_DEARER = 1.15
"""A sample may take so many times what it takes in the largest batch that could be made: what is
gained for it is lost for those behind it. Times vary by a tenth, which must forbid no batch."""


class DeadlinePolicy:
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
        self._service: list[dict[int, float]] = [{} for _ in range(_CLASSES)]

    def took(self, duration_ns: int, indices: Sequence[int]) -> None:
        """Learn from a batch of these samples that was answered in ``duration_ns``.

        What is kept, for as many samples of about the size of the largest, is the time that nine
        batches in ten stay below.
        """
        times = self._service[max(map(self._class, indices))]
        kept = times.get(len(indices), float(duration_ns))
        times[len(indices)] = kept * (1 + _STEP * (_QUANTILE - (duration_ns <= kept)))

    def room(self, arrived: int, index: int, now: int, most: int) -> int:
        """How many samples the batch may have that answers this one within the bound.

        Where a batch of ``most`` takes too long, a smaller one may not; but where samples take far
        longer in a smaller one, those that wait behind would be late for this one's sake.

        Args:
            arrived: When it did (ns).
            index: Of the sample, the largest of the batch.
            now: When the batch would begin (ns).
            most: As many could be in it.

        Returns:
            At most ``most``; 0 if the sample is late.
        """
        if not self._bound:
            return most
        left, times = self._bound - (now - arrived), self._service[self._class(index)]
        dearest = _DEARER * _expected(times, most) / most
        for count in range(most, 0, -1):
            expected = _expected(times, count)
            if expected > dearest * count:
                break
            if expected <= left:
                return count
        return 0

    def has_starved(self, arrived: int, now: int) -> bool:
        """Whether a late sample has waited so long that it goes before all others (ns)."""
        return now - arrived > _PATIENCE * self._bound

    def _class(self, index: int) -> int:
        return self._classes[index] if self._classes else 0


def _expected(times: dict[int, float], count: int) -> float:
    """Time (ns) that so many samples take: in proportion to fewer, or as long as more of them."""
    if count in times:
        return times[count]
    # Other workers add to it meanwhile.
    known = list(times)
    fewer = max((size for size in known if size < count), default=0)
    if fewer:
        return times[fewer] * count / fewer
    return times[min(known)] if known else 0.0
