"""How many samples a second are answered, at the measured speed."""

from loadscope.names import Mode
from loadscope.quantities import quantity
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView


def _from_record(run: RunView, test: Mode) -> float | None:
    return run.samples_per_second if test is Mode.PERFORMANCE else None


METRIC = Metric(
    name="samples_per_second",
    title="samples per second",
    unit="samples/s",
    better="higher",
    from_record=_from_record,
    text=lambda value: quantity(value, "samples/s"),
    place=10,
)
