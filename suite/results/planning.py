"""How a statement reads what it asks for, among a million of runs as among ten."""

import re

from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.results.joins import BY_ROW, BY_TIME, from_runs, tables_of
from loadscope.suite.results.passes import Condition, counted_by_tests
from loadscope.suite.results.query import Query
from loadscope.suite.results.schema import FACETS, IN_NEWEST

MANY = 20_000
"""So many of a million are met often enough to be looked for in the order of a page."""

# What SQLite finds by an index of its own choice.
_SERVED = re.compile(rf"\brun\.(?:(?:id|{'|'.join(FACETS)}) IN|path =) ")


def conditions(index: ResultsIndex, query: Query) -> Condition:
    """The conditions of a query as SQL and its values, in the form that is read soonest.

    Where model, system and the like leave few runs, tests and scores are looked up beside those.
    Else their tables are read once, from the first row to the last.
    """
    return query.where(beside=_few_of_facets(index, query))


def counting(index: ResultsIndex, query: Query) -> Condition:
    """A statement that counts the runs that a query chooses, and its values."""
    few = _few_of_facets(index, query)
    if not few and not query.asks("hidden"):
        by_tests = counted_by_tests(query.conditions())
        if by_tests is not None:
            return by_tests
    where, values = query.where(beside=few)
    return f"SELECT count(*){from_runs(where, first=first_of(where))} WHERE {where}", values


def first_of(where: str) -> str:
    """What the FROM of a statement on all runs begins with."""
    if _SERVED.search(where):
        return "run"
    named = {*re.findall(r"\brun\.(\w+)", where)}
    # Beside other tables SQLite may read runs last, where the index by time is of no use.
    alone = tables_of(where) == {"run"} and "run.hidden = 0" in where
    return BY_TIME if alone and named <= IN_NEWEST else BY_ROW


def _few_of_facets(index: ResultsIndex, query: Query) -> bool:
    """Whether a query has conditions on model, system and the like that leave few runs."""
    of_facets = Query(tuple(term for term in query.terms if term.of_facet))
    if not of_facets.terms or len(of_facets.terms) == len(query.terms):
        return False
    where, values = of_facets.where()
    some = f"SELECT 1{from_runs(where)} WHERE {where} LIMIT {MANY}"
    found: int = index.db.execute(f"SELECT count(*) FROM ({some})", values).fetchone()[0]
    return found < MANY
