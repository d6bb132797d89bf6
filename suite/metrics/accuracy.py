"""The score of the accuracy test, by the task's own metric, where that is in percent."""

from loadscope.names import Mode
from loadscope.suite.metrics.metric import Metric
from loadscope.suite.run.view import RunView


def _from_record(run: RunView, test: Mode) -> float | None:
    score = run.accuracy
    if test is not Mode.ACCURACY or score is None or test in run.altered:
        return None
    return score.value if run.accuracy_meaningful and score.unit == "%" else None


METRIC = Metric(
    name="accuracy_percent",
    title="accuracy",
    unit="%",
    # A task's metric says so: more word errors are worse.
    better=None,
    from_record=_from_record,
    text=lambda value: f"{value:.2f} %",
    place=20,
)
