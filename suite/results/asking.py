"""Answers of the index: rows of runs, groups of them, and a matrix of medians."""

import sqlite3
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from loadscope.errors import InputError
from loadscope.suite.report.export import Row
from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.results.joins import BY_NOISE, BY_TIME, BY_VALUE, from_runs, tables_of
from loadscope.suite.results.passes import seldom_second
from loadscope.suite.results.planning import MANY, conditions, counting, first_of
from loadscope.suite.results.query import DEFAULT_COLUMNS, Query, expressions, known_columns
from loadscope.suite.results.schema import FACETS
from loadscope.suite.results.series import spread

_LARGEST_PAGE = 1000


def select(index: ResultsIndex, query: Query, total: int | None = None) -> Iterator[Row]:
    """The runs that a query asks for, one row each; of several copies of a run one.

    Rows come as they are read, however many there are.

    Args:
        index: Where they are looked for.
        query: Which, and how they are shown.
        total: What ``count`` says of them, where it is known; a page need not count again.
    """
    if query.group:
        yield from _groups(index, query)
        return
    columns = query.columns or DEFAULT_COLUMNS
    for row in _rows(index, query, columns, total):
        yield dict(zip(columns, row, strict=True))


def count(index: ResultsIndex, query: Query) -> int:
    """How many runs its conditions choose, whatever page of them it shows."""
    found: int = index.db.execute(*counting(index, query)).fetchone()[0]
    return found


def all_columns() -> tuple[str, ...]:
    """Every column, for tables that a program reads."""
    return tuple(known_columns())


def paths_of(index: ResultsIndex, query: Query) -> list[Path]:
    """The run directories that a query asks for.

    Raises:
        InputError: There is none.
    """
    found = [Path(str(row[0])) for row in _rows(index, query, ("path",))]
    if not found:
        raise InputError(
            f"no run is {query.text or 'there'}", "see what there is: loadscope results list"
        )
    return found


def _rows(
    index: ResultsIndex, query: Query, columns: tuple[str, ...], total: int | None = None
) -> Iterator[sqlite3.Row]:
    known = expressions()
    sort = (*(query.sort or ("created",)), "uid")
    order = ", ".join(_ordered(name, known) for name in sort)
    chosen = ", ".join(known[name] for name in columns)
    if query.limit is None or query.limit > _LARGEST_PAGE:
        where, values = query.where()
        statement = f"SELECT {chosen}{from_runs(where, chosen, order)} WHERE {where}"
        limit = f"LIMIT {-1 if query.limit is None else query.limit} OFFSET {query.offset}"
        yield from index.db.execute(f"{statement} ORDER BY {order} {limit}", values)
        return
    # A page is found by indexes alone, however far behind it is; its own rows are joined then.
    ids = ", ".join(map(str, _page(index, query, order, total)))
    statement = f"SELECT {chosen}{from_runs(chosen, order)} WHERE run.id IN ({ids})"
    yield from index.db.execute(f"{statement} ORDER BY {order}")


def _page(index: ResultsIndex, query: Query, order: str, total: int | None) -> list[int]:
    """The ids of the runs of a page."""
    first, by = "", (query.sort or ("created",))[0].removeprefix("-")
    if by in ("created", "value") and not query.asks("hidden"):
        total = count(index, query) if total is None else total
        if total >= MANY:
            first = BY_TIME if by == "created" else BY_VALUE
    end = f"ORDER BY {order} LIMIT {query.limit} OFFSET {query.offset}"

    def found(first: str, further: str = "") -> list[int]:
        # In the order of the page few runs are looked at until it is full, if it is near.
        if first and query.offset < MANY:
            where, values = query.where(beside=True)
        else:
            where, values = conditions(index, query)
        where += further
        source = from_runs(where, order, first=first or _sorted_first(where, order))
        rows = index.db.execute(f"SELECT run.id{source} WHERE {where} {end}", values)
        return [row[0] for row in rows]

    if first != BY_VALUE:
        return found(first)
    page = found(first, " AND t.value IS NOT NULL")
    # Those without a figure are last.
    return page if len(page) == query.limit else found("")


def _sorted_first(where: str, order: str) -> str:
    """What a page begins with whose order no index has."""
    first = first_of(f"{where} {order}")
    # Facets that only the order needs are best read in the way of SQLite's own choice.
    only = tables_of(order) - tables_of(where)
    return "run" if first != first_of(where) and only & {*FACETS} else first


def _ordered(name: str, known: Mapping[str, str]) -> str:
    """A part of ORDER BY: what has no value is last, which SQLite has to be told where it rises."""
    # Beside each run of a million the second test is looked for only where the first lacks it.
    expression = seldom_second(known[name.removeprefix("-")])
    if name.startswith("-"):
        return f"{expression} DESC"
    # An index serves an order of columns that always have a value.
    last = "" if name in ("created", "uid") else " NULLS LAST"
    return f"{expression} ASC{last}"


def _groups(index: ResultsIndex, query: Query) -> Iterator[Row]:
    """Medians of what counts. Units and rehearsals are never put together."""
    keys = tuple(dict.fromkeys((*query.group, "unit", "full-length")))
    counted = Query(query.terms, sort=keys)
    where, values = counted.where()
    known = expressions()
    chosen = ", ".join(known[name] for name in keys)
    counts = f"{where} AND t.counts"
    rows = index.db.execute(
        f"SELECT t.value, {chosen}{from_runs(counts, chosen)} WHERE {counts} ORDER BY {chosen}",
        values,
    )
    for key, group in groupby(rows, key=_key_of):
        found = [row[0] for row in group]
        median, mad = spread(found)
        yield {
            **dict(zip(keys, key, strict=True)),
            "n": len(found),
            "median": median,
            "mad": mad,
            "least": min(found),
            "most": max(found),
        }


def _key_of(row: sqlite3.Row) -> tuple[Any, ...]:
    return tuple(row)[1:]


def matrix(index: ResultsIndex, query: Query) -> list[Row]:
    """Models by frameworks: the best median of each on each system, rehearsals apart.

    Returns:
        A row for each model, scenario, system, unit and length, with for each framework its
        median, ``FRAMEWORK n`` tests, ``FRAMEWORK mad``, and how many configurations it is the
        best of.
    """
    where, values = query.where(beside=True)
    rows = index.db.execute(
        "SELECT config.model, config.scenario, config.framework, config.numerics, "
        "config.rehearsal, system.processor, system.digest, run.machine, summary.* "
        f"{_of_summaries(where, 'config.', 'system.')} WHERE {where} "
        "ORDER BY config.model, config.scenario, system.digest, config.rehearsal",
        values,
    )
    found: dict[tuple[Any, ...], dict[str, list[Any]]] = {}
    for row in rows:
        key = (row["model"], row["scenario"], row["machine"] or row["processor"], row["digest"],
               row["unit"], "rehearsal" if row["rehearsal"] else "")  # fmt: skip
        numerics = "" if row["numerics"] == "float32" else f" {row['numerics']}"
        found.setdefault(key, {}).setdefault(f"{row['framework']}{numerics}", []).append(row)
    frameworks = sorted({name for cells in found.values() for name in cells})
    return [_matrix_row(key, cells, frameworks) for key, cells in found.items()]


def matrix_models(index: ResultsIndex, query: Query, most: int, offset: int) -> tuple[str, ...]:
    """Some of the models that a matrix has rows of, by name."""
    where, values = query.where(beside=True)
    rows = index.db.execute(
        f"SELECT DISTINCT config.model {_of_summaries(where, 'config.')} WHERE {where} "
        "ORDER BY 1 LIMIT ? OFFSET ?",
        (*values, most, offset),
    )
    return tuple(row[0] for row in rows)


def _of_summaries(*expressions: str) -> str:
    """The FROM of a statement on series, of each of which conditions are on the last run."""
    runs = from_runs(*expressions).removeprefix(" FROM run")
    return f"FROM summary CROSS JOIN run ON run.id = summary.last_run{runs}"


def left_out(index: ResultsIndex, query: Query) -> int:
    """How many of the runs that a query asks for have a valid figure that is in no median.

    They are noisy: what else the machine did is in their figures.
    """
    where, values = query.where(beside=True)
    noisy = (
        f"{where} AND t.value IS NOT NULL AND t.status = 'valid' AND NOT t.counts "
        "AND run.warnings != ''"
    )
    found: int = index.db.execute(
        f"SELECT count(*){from_runs(noisy, first=BY_NOISE)} WHERE {noisy}", values
    ).fetchone()[0]
    return found


def _matrix_row(key: tuple[Any, ...], cells: dict[str, list[Any]], frameworks: list[str]) -> Row:
    names = ("model", "scenario", "machine", "system", "unit", "marks")
    row: Row = dict(zip(names, key, strict=True))
    for framework in frameworks:
        rows = cells.get(framework, [])
        sign = -1 if rows and rows[0]["better"] == "lower" else 1
        best = max(rows, key=lambda one: sign * one["median"], default=None)
        row[framework] = best["median"] if best else None
        row[f"{framework} n"] = best["n"] if best else None
        row[f"{framework} mad"] = best["mad"] if best else None
        row[f"{framework} configurations"] = len(rows) or None
    return row
