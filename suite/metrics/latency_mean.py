"""The mean latency of a query."""

from loadscope.names import Mode, Scenario
from loadscope.quantities import quantity
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView


def _from_record(run: RunView, test: Mode) -> float | None:
    # In Offline all samples are one query.
    if test is not Mode.PERFORMANCE or run.scenario is Scenario.OFFLINE or run.mean_ns is None:
        return None
    return run.mean_ns / 1e6


METRIC = Metric(
    name="latency_mean_ms",
    title="mean latency",
    unit="ms",
    better="lower",
    from_record=_from_record,
    text=lambda value: quantity(value, "ms"),
    place=60,
    of_query=True,
)
