"""What the percentiles have in common."""

from loadscope.names import Mode, Scenario
from loadscope.quantities import quantity
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView


def percentile(fraction: float, place: int) -> Metric:
    """The metric of a percentile of the latency per query, as LoadGen has it.

    There is none in Offline, where all samples are one query, and none where the test had too
    few queries for it to mean anything; see ``rundir.figures.least_queries``.

    Args:
        fraction: In (0, 1).
        place: See ``Metric``.
    """
    name = f"p{100 * fraction:g}"

    def from_record(run: RunView, test: Mode) -> float | None:
        if test is not Mode.PERFORMANCE or run.scenario is Scenario.OFFLINE:
            return None
        found = None if fraction in run.few_queries else run.percentiles_ns.get(fraction)
        return None if found is None else found / 1e6

    return Metric(
        name=f"latency_{name.replace('.', '_')}_ms",
        title=f"{name} latency",
        unit="ms",
        better="lower",
        from_record=from_record,
        text=lambda value: quantity(value, "ms"),
        place=place,
        of_query=True,
    )
