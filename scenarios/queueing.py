"""The Server rate that queueing theory expects."""

import math


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


def _erlang_c(servers: int, load: float) -> float:
    """Chance that an arrival must wait in M/M/c; ``load`` is arrivals times service, below c."""
    # The recursion of Erlang's B formula has no factorials to overflow.
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))
