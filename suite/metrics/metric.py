"""What a metric is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from loadscope.names import Mode
from loadscope.suite.run.view import RunView


@dataclass(frozen=True)
class Metric:
    """A figure of a LoadGen test, with all that is needed to show it.

    Attributes:
        name: Its key in JSON and its column in CSV and in pandas; it ends with the unit.
        title: Its heading.
        unit: Of what ``from_record`` returns; empty for a number of things.
        better: Which of two values is; None where neither is.
        from_record: Its value in one test of a run; None where that test has none.
        text: Writes a value with its unit, for people.
        place: Where it stands among the others; small is first.
        of_query: Whether it depends on how many samples a query has, so that two scenarios
            cannot be compared by it.
    """

    name: str
    title: str
    unit: str
    better: Literal["higher", "lower"] | None
    from_record: Callable[[RunView, Mode], float | None]
    text: Callable[[float], str]
    place: int
    of_query: bool = False

    def of(self, run: RunView) -> float | None:
        """Its value in a run: of the first finished test that has one, in the order of ``Mode``."""
        values = (self.from_record(run, test) for test in run.finished)
        return next((value for value in values if value is not None), None)

    @property
    def heading(self) -> str:
        """The title as a column has it: ``Load time``, but ``p90 latency``."""
        return self.title if self.title[1].isdigit() else self.title.capitalize()
