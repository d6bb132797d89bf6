"""How long LoadGen's part of a test took."""

from loadscope.names import Mode
from loadscope.quantities import quantity
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView


def _from_record(run: RunView, test: Mode) -> float | None:
    state = run.states.get(test)
    return state.test_seconds if state else None


METRIC = Metric(
    name="test_seconds",
    title="test time",
    unit="s",
    better=None,
    from_record=_from_record,
    text=lambda value: quantity(value, "s"),
    place=70,
)
