"""Conditions for statements that pass over all runs.

Beside each run of a million, a look into another table costs more than all else. Here a condition
on another table goes through that table once, and what it finds is looked for among the runs.
"""

import re

from loadscope.suite.results.joins import tables_of
from loadscope.suite.results.schema import FACETS

_PERFORMANCE, _ACCURACY = "t", "a"
# Of a figure that both tests may have, that of the performance test stands.
_EITHER = re.compile(r'COALESCE\(t\.("(?:[^"]|"")+"), a\.\1\)')
# With the sign the table is read from its first row to its last. By an index it would be row by
# row, from all over it.
_OF_PERFORMANCE = "+f.mode = 'performance'"


def once_through(part: str) -> str:
    """A condition of a query as one on ``run`` that reads its own table once.

    A run that the other table does not have meets no condition on it, in either form.

    Args:
        part: Of one term, in the columns of the tables that ``joins`` joins.

    Returns:
        The same condition; as it was where it is on runs themselves, or on several tables.
    """
    tables = tables_of(part)
    if tables == {_PERFORMANCE, _ACCURACY}:
        return _either_test(part)
    if tables == {"accuracy"}:
        return f"run.id IN (SELECT f.run FROM accuracy AS f WHERE {_renamed(part, 'accuracy')})"
    if tables == {_PERFORMANCE}:
        told = f"{_OF_PERFORMANCE} AND {_renamed(part, _PERFORMANCE)}"
        return f"run.id IN (SELECT f.run FROM test AS f WHERE {told})"
    return of_facet(part)


def of_facet(part: str) -> str:
    """A condition on a facet alone as one on its few rows, which are then looked for in runs."""
    tables = tables_of(part)
    if len(tables) != 1 or not tables & {*FACETS}:
        return part
    (facet,) = tables
    return f"run.{facet} IN (SELECT f.id FROM {facet} AS f WHERE {_renamed(part, facet)})"


def _either_test(part: str) -> str:
    column = _EITHER.search(part)
    assert column is not None
    stands = (
        "NOT EXISTS (SELECT 1 FROM test AS p WHERE p.run = f.run AND p.mode = 'performance' "
        f"AND p.{column[1]} IS NOT NULL)"
    )
    own = _EITHER.sub(r"f.\1", part)
    return (
        f"run.id IN (SELECT f.run FROM test AS f WHERE {own} "
        f"AND ({_OF_PERFORMANCE} OR f.mode = 'accuracy' AND {stands}))"
    )


def _renamed(part: str, table: str) -> str:
    """With its table under a name that the statement around it does not have."""
    return re.sub(rf"\b{table}\.", "f.", part)
