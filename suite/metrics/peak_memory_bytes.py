"""The most memory that the processes which hold the model had resident at once."""

from loadscope.names import Mode
from loadscope.quantities import amount
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView


def _from_record(run: RunView, test: Mode) -> float | None:
    state = run.states.get(test)
    return state.peak_memory_bytes if state else None


METRIC = Metric(
    name="peak_memory_bytes",
    title="peak memory",
    unit="B",
    better="lower",
    from_record=_from_record,
    text=lambda value: amount(value, "B"),
    place=40,
)
