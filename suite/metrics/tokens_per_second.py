"""How many tokens a second are answered, at the measured speed."""

from loadscope.names import Mode
from loadscope.quantities import quantity
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView


def _from_record(run: RunView, test: Mode) -> float | None:
    tokens = run.result.tokens
    return tokens.per_second if tokens is not None and test is Mode.PERFORMANCE else None


METRIC = Metric(
    name="tokens_per_second",
    title="tokens per second",
    unit="tokens/s",
    better="higher",
    from_record=_from_record,
    text=lambda value: quantity(value, "tokens/s"),
    place=12,
)
