"""The mean power of what counts its energy while a test runs; not MLPerf power."""

from loadscope.names import Mode
from loadscope.quantities import quantity
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView


def average_power(run: RunView, test: Mode) -> float | None:
    """Watts: the counted energy of a performance test over the time in which it was counted."""
    state = run.states.get(test)
    if test is not Mode.PERFORMANCE or state is None or state.energy is None:
        return None
    return sum(state.energy.joules.values()) / state.energy.seconds


METRIC = Metric(
    name="average_power_watts",
    title="average power",
    unit="W",
    better="lower",
    from_record=average_power,
    text=lambda value: quantity(value, "W"),
    place=42,
)
