"""Conditions for statements that pass over all runs.

Beside each run of a million, a look into another table costs more than all else. Here conditions
on another table go through that table once, and what they find is looked for among the runs.
"""

import re
from collections.abc import Sequence
from typing import Any

from loadscope.suite.results.joins import tables_of
from loadscope.suite.results.schema import FACETS

Condition = tuple[str, list[Any]]
"""SQL, and the values of its question marks."""

_PERFORMANCE, _ACCURACY = "t", "a"
# Of a figure that both tests may have, that of the performance test stands.
_EITHER = re.compile(r'COALESCE\(t\.("(?:[^"]|"")+"), a\.\1\)')
_NOT_VALUE = re.compile(r"\b[ta]\.(?!value\b)")
_OF_TESTS = frozenset({"config", "system"})
"""The facets that tests name themselves."""


def on_tests(part: str) -> bool:
    """Whether a condition is on the tests of a run and on nothing else."""
    return tables_of(part) in ({_PERFORMANCE}, {_PERFORMANCE, _ACCURACY})


def of_accuracy(part: str) -> str:
    """A condition on scores as one on runs; any other as it was."""
    if tables_of(part) != {"accuracy"}:
        return part
    return f"run.id IN (SELECT f.run FROM accuracy AS f WHERE {_renamed(part, 'accuracy')})"


def of_facet(part: str, table: str = "run") -> str:
    """A condition on a facet alone as one on its few rows, which are then looked for in a table."""
    tables = tables_of(part)
    if len(tables) != 1 or not tables & {*FACETS}:
        return part
    (facet,) = tables
    return f"{table}.{facet} IN (SELECT f.id FROM {facet} AS f WHERE {_renamed(part, facet)})"


def seldom_second(expression: str) -> str:
    """A figure that two tests may have, the second of which is looked for only where need be."""
    second = "SELECT f.{} FROM test AS f WHERE f.run = run.id AND f.mode = 'accuracy'"
    return _EITHER.sub(lambda it: f"COALESCE(t.{it[1]}, ({second.format(it[1])}))", expression)


def runs_of_tests(conditions: Sequence[Condition]) -> Condition:
    """The runs whose tests meet all conditions, each once, as a statement that reads tests once.

    A run that has no test meets no condition on it, as where tests are looked up beside runs.

    Args:
        conditions: Of ``on_tests``, in the columns of the tables that ``joins`` joins.
    """
    # With the sign the table is read from its first row to its last. By an index it would be row
    # by row, from all over it.
    parts = ["+f.mode = 'performance'", *(_EITHER.sub(r"f.\1", one) for one, _ in conditions)]
    values = [value for _, own in conditions for value in own]
    met = _renamed(" AND ".join(parts), _PERFORMANCE)
    either = {column[1]: one for one in conditions if (column := _EITHER.search(one[0]))}
    if either:
        # Or by a figure that the accuracy test alone has: one that meets its own condition first.
        own = " OR ".join(_EITHER.sub(r"f.\1", one) for one, _ in either.values())
        lacks = " OR ".join(f"p.{column} IS NULL" for column in either)
        stands = " AND ".join(
            _renamed(_EITHER.sub(r"COALESCE(p.\1, f.\1)", one), _PERFORMANCE, "p")
            for one, _ in conditions
        )
        met += (
            f" OR f.mode = 'accuracy' AND ({own}) AND EXISTS (SELECT 1 FROM (SELECT 1) "
            "LEFT JOIN test AS p ON p.run = f.run AND p.mode = 'performance' "
            f"WHERE ({lacks}) AND {stands})"
        )
        values += [value for _, mine in either.values() for value in mine] + values
    return f"SELECT f.run FROM test AS f WHERE ({met})", values


def counted_by_tests(conditions: Sequence[Condition]) -> Condition | None:
    """A statement that counts the runs that meet conditions by their tests alone.

    Returns:
        None where they are on something else too, or on no test at all.
    """
    figures = [one for one in conditions if on_tests(one[0])]
    shared = [one for one in conditions if not on_tests(one[0])]
    if not figures or any(tables_of(part) - _OF_TESTS for part, _ in shared):
        return None
    read, values = runs_of_tests(figures)
    if not shared and not any(_NOT_VALUE.search(part) for part, _ in figures):
        # The index by figures has all that is asked.
        read = read.replace("+f.mode", "f.mode")
    for part, own in shared:
        read += f" AND {of_facet(part, 'f')}"
        values += own
    unshown = "SELECT id FROM run WHERE copy != 0 OR hidden != 0"
    return f"SELECT count(*) FROM ({read} AND f.run NOT IN ({unshown}))", values


def _renamed(part: str, table: str, name: str = "f") -> str:
    """With its table under a name that the statement around it does not have."""
    return re.sub(rf"\b{table}\.", f"{name}.", part)
