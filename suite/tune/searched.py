"""A scenario's search when it is over, as a page shows it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.suite.tune.space import Axis

SEARCHES_FILE = "searches.json"
"""The searches of a study in its folder."""


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


def read_searches(folder: Path) -> list[Searched]:
    """The searches of a study that is over.

    Raises:
        InputError: There are none, or another version wrote them.
    """
    path = folder / SEARCHES_FILE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return [
            Searched(
                Scenario(one["scenario"]),
                [Axis(**{**axis, "values": tuple(axis["values"])}) for axis in one["axes"]],
                one["records"],
                one["headline"],
                one["winner"],
            )
            for one in told
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a finished study: {error}", "tune again") from error
