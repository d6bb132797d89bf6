"""The Server rate to expect: by queueing theory, and by a queue that is played through."""

import heapq
import itertools
import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Mapping

_ARRIVALS = 1000
_HALVINGS = 8


def queueing_rate(
    capacity: float, workers: int, batch_ms: float, bound_ms: float, percentile: float
) -> float:
    """The highest rate at which ``percentile`` of queries should keep the bound.

    The workers are a queue M/D/c: arrivals at random, a fixed time of service. The chance to
    wait at all is Erlang's C formula; for waiting longer than t it falls as
    exp(-2 (c - a) t / D), twice as fast as in M/M/c, since service does not vary (the usual
    two-moment approximation of M/G/c: a factor (1 + cv^2) / 2 with cv = 0).

    This is for answers in turn. Where late samples wait for the others, as is the default, a tenth
    more may be possible; but times of service do vary, and what is planned for hours had better
    be VALID.

    Args:
        capacity: Samples a second that the workers do together when they are never idle.
        workers: How many take batches at once.
        batch_ms: Time from the start of a batch to its answers.
        bound_ms: Latency that must be kept.
        percentile: Share of queries that must keep it, percent.

    Returns:
        Queries a second, below ``capacity``; a tenth of it where even an empty queue is late.
    """
    slack = (bound_ms - batch_ms) / 1e3
    if slack <= 0:
        return capacity / 10
    service = workers / capacity
    late = 1 - percentile / 100
    low, high = 0.0, capacity
    for _ in range(50):
        rate = (low + high) / 2
        load = rate * service
        chance = _erlang_c(workers, load) * math.exp(-2 * (workers - load) * slack / service)
        low, high = (rate, high) if chance <= late else (low, rate)
    return max(low, capacity / 10)


def batching_rate(
    batch_ms: Mapping[int, float], workers: int, most: int, bound_ms: float, percentile: float
) -> float:
    """The highest rate at which ``percentile`` of queries keep the bound, where batches form.

    Arrivals at random, always the same, meet workers that take whatever waits, up to ``most``.

    Args:
        batch_ms: The time of a batch by its samples, which has ``most``; between two sizes the
            larger one's counts.
        workers: How many take batches at once.
        most: Samples in a batch.
        bound_ms: Latency that must be kept.
        percentile: Share of queries that must keep it, percent.

    Returns:
        Queries a second, to a hundredth of what the workers can do; 0 where none keeps it.
    """
    sizes = sorted(size for size in batch_ms if size <= most)
    times = [0.0] + [batch_ms[sizes[bisect_left(sizes, n)]] for n in range(1, most + 1)]
    chance = random.Random(1)
    arrivals = list(itertools.accumulate(chance.expovariate(1.0) for _ in range(_ARRIVALS)))
    late = _ARRIVALS * (1 - percentile / 100)
    low, high = 0.0, workers * max(size / batch_ms[size] for size in sizes) * 1e3
    for _ in range(_HALVINGS):
        rate = (low + high) / 2
        kept = _late([at * 1e3 / rate for at in arrivals], times, workers, bound_ms) <= late
        low, high = (rate, high) if kept else (low, rate)
    return low


def _late(arrivals: list[float], times: list[float], workers: int, bound: float) -> int:
    """How many samples are answered later than the bound after they came."""
    free, first, late = [0.0] * workers, 0, 0
    while first < len(arrivals):
        begun = max(free[0], arrivals[first])
        last = min(first + len(times) - 1, bisect_right(arrivals, begun))
        ended = begun + times[last - first]
        heapq.heapreplace(free, ended)
        late += sum(ended - arrivals[at] > bound for at in range(first, last))
        first = last
    return late


def _erlang_c(servers: int, load: float) -> float:
    """Chance that an arrival must wait in M/M/c; ``load`` is arrivals times service, below c."""
    # The recursion of Erlang's B formula has no factorials to overflow.
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))
