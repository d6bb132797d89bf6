"""The runs that a side of a comparison names: a run, a folder of runs, or a query."""

from collections.abc import Callable
from pathlib import Path

from loadscope.rundir.find import find_runs
from loadscope.suite.report.wording import ordered
from loadscope.suite.results.asking import paths_of
from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.results.query import Query
from loadscope.suite.run.view import RunView, load_run


def is_query(named: str) -> bool:
    """Whether it is a query and no folder: it has a condition in it."""
    return any(sign in named for sign in "=<>~") and not Path(named).exists()


def chosen_runs(named: str, index: Callable[[], ResultsIndex]) -> list[RunView]:
    """Read the runs.

    Args:
        named: A run directory, a folder of some, or a query such as ``model=resnet50 since=…``.
        index: Opens the index; called for a query alone.

    Raises:
        InputError: There is none, or one is corrupt.
    """
    asked = is_query(named)
    paths = paths_of(index(), Query.parse(named)) if asked else find_runs([Path(named)])
    return ordered(load_run(path) for path in paths)
