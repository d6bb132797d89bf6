"""Which colour, dash and name each run has, the same in all figures of a page."""

import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loadscope.suite.run.view import RunView

_DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True)
class Series:
    """A run as it is drawn.

    Attributes:
        run: The run.
        name: Its system, with the run's name where that ran more than once.
        colour: Position in the page's list of colours; one system has one colour.
        dash: The line's dash, which tells repeats of one system apart.
    """

    run: RunView
    name: str
    colour: int
    dash: str

    @property
    def marked_name(self) -> str:
        """The name, with the word for a run below full length."""
        return f"{self.name}, rehearsal" if self.run.rehearsal else self.name

    @property
    def legend(self) -> str:
        """The marked name as plot text, in which plotly would read tags."""
        return html.escape(self.marked_name, quote=False)


def assign_series(runs: Sequence[RunView]) -> list[Series]:
    """Give each of ``runs`` its colour, dash and name, in their order."""
    frameworks = sorted({run.system for run in runs})
    repeats = Counter(_measurement(run) for run in runs)
    seen: Counter[tuple[str, str, str]] = Counter()
    series = []
    for run in runs:
        name = run.system
        if repeats[_measurement(run)] > 1:
            name += f" ({run.run_id})"
        series.append(
            Series(
                run=run,
                name=name,
                colour=frameworks.index(run.system),
                dash=_DASHES[seen[_measurement(run)] % len(_DASHES)],
            )
        )
        seen[_measurement(run)] += 1
    return series


def _measurement(run: RunView) -> tuple[str, str, str]:
    return run.model.id, run.scenario, run.system
