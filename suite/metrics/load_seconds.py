"""How long it takes from the start of a test's process until the model can answer."""

from loadscope.names import Mode
from loadscope.quantities import quantity
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView


def _from_record(run: RunView, test: Mode) -> float | None:
    state = run.states.get(test)
    return state.load_seconds if state else None


METRIC = Metric(
    name="load_seconds",
    title="load time",
    unit="s",
    better="lower",
    from_record=_from_record,
    text=lambda value: quantity(value, "s"),
    place=30,
)
