"""A scenario's search when it is over, as a page shows it."""

from dataclasses import dataclass
from typing import Any

from loadscope.names import Scenario
from loadscope.suite.tune.space import Axis


@dataclass(frozen=True)
class Searched:
    """A scenario's search.

    Attributes:
        scenario: The scenario.
        axes: The space.
        records: From ``Study.records``.
        headline: What was found.
        winner: Its settings.
    """

    scenario: Scenario
    axes: list[Axis]
    records: list[dict[str, Any]]
    headline: str
    winner: dict[str, Any]
