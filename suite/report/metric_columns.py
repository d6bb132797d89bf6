"""The metrics of several runs as columns of text, for the terminal and for pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadscope.suite.metrics.metric import Metric
from loadscope.suite.metrics.registry import metrics
from loadscope.suite.report.wording import NONE
from loadscope.suite.run.view import RunView


@dataclass(frozen=True)
class Column:
    """A metric, and what each run has of it; a dash where it has none."""

    metric: Metric
    cells: tuple[str, ...]


def metric_columns(runs: Sequence[RunView]) -> list[Column]:
    """Give the metrics that at least one of ``runs`` has, in their order."""
    columns = []
    for metric in metrics():
        values = [metric.of(run) for run in runs]
        if any(value is not None for value in values):
            cells = tuple(NONE if value is None else metric.text(value) for value in values)
            columns.append(Column(metric, cells))
    return columns
