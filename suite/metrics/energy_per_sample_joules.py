"""The energy of one sample, by what counts its energy while a test runs; not MLPerf power."""

from loadscope.names import Mode
from loadscope.quantities import quantity
from loadscope.suite.metrics.average_power_watts import average_power
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView


def _from_record(run: RunView, test: Mode) -> float | None:
    watts, rate = average_power(run, test), run.samples_per_second
    return watts / rate if watts is not None and rate else None


METRIC = Metric(
    name="energy_per_sample_joules",
    title="energy per sample",
    unit="J",
    better="lower",
    from_record=_from_record,
    text=lambda value: quantity(value, "J"),
    place=44,
)
