"""What the percentiles of times to tokens have in common."""

from collections.abc import Mapping

from loadscope.names import Mode
from loadscope.quantities import quantity
from loadscope.rundir.result import TokenFigures
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView

_MEANINGS = {"ttft": "time to first token", "tpot": "time per output token"}


def token_percentile(what: str, percentile: str, place: int) -> Metric:
    """The metric of a percentile of TTFT or TPOT, as LoadGen has it, milliseconds.

    There is none in Offline, where nobody waits for a first token, and none where the test had
    too few queries for it to mean anything.

    Args:
        what: ``ttft`` or ``tpot``.
        percentile: As the record names it: ``99``.
        place: See ``Metric``.
    """

    def from_record(run: RunView, test: Mode) -> float | None:
        tokens = run.result.tokens
        if test is not Mode.PERFORMANCE or tokens is None or percentile in run.result.few_queries:
            return None
        value = _times(tokens, what).get(percentile)
        return None if value is None else value / 1e6

    return Metric(
        name=f"{what}_p{percentile}_ms",
        title=f"p{percentile} {_MEANINGS[what]}",
        unit="ms",
        better="lower",
        from_record=from_record,
        text=lambda value: quantity(value, "ms"),
        place=place,
        of_query=True,
    )


def _times(tokens: TokenFigures, what: str) -> Mapping[str, float]:
    return tokens.ttft_ns if what == "ttft" else tokens.tpot_ns
