"""How many queries LoadGen issued in the performance test."""

from loadscope.names import Mode
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView


def _from_record(run: RunView, test: Mode) -> float | None:
    return run.queries if test is Mode.PERFORMANCE else None


METRIC = Metric(
    name="queries",
    title="queries",
    unit="",
    better=None,
    from_record=_from_record,
    text=lambda value: f"{value:,.0f}",
    place=80,
)
