"""The tables that a statement on runs has to join: those that it names, and no others.

SQLite leaves joins out that say nothing, but not where rows are counted or put together.
"""

import re

# Every run has its four facets, and at most one row of each other table.
_JOINS = {
    "config": "JOIN config ON config.id = run.config",
    "system": "JOIN system ON system.id = run.system",
    "environment": "JOIN environment ON environment.id = run.environment",
    "build": "JOIN build ON build.id = run.build",
    "t": "LEFT JOIN test AS t ON t.run = run.id AND t.mode = 'performance'",
    "a": "LEFT JOIN test AS a ON a.run = run.id AND a.mode = 'accuracy'",
    "accuracy": "LEFT JOIN accuracy ON accuracy.run = run.id",
}
BY_TIME = "run INDEXED BY run_newest"
"""Runs in the order of time; for conditions that leave out copies and what is hidden."""
BY_ROW = "run NOT INDEXED"
"""Runs as they lie in the file, which is quicker than an index that lacks a column."""
BY_VALUE = "test AS t CROSS JOIN run ON run.id = t.run AND t.mode = 'performance'"
"""Runs with a performance test, in the order of its figure."""
BY_NOISE = (
    "run INDEXED BY run_noisy CROSS JOIN test AS t ON t.run = run.id AND t.mode = 'performance'"
)
"""Runs with noise warnings, of which there are few, with their performance tests."""
_WITH_TEST = (BY_VALUE, BY_NOISE)
_NAMED = re.compile(r"\b(run|config|system|environment|build|t|a|accuracy)\.")


def tables_of(sql: str) -> set[str]:
    """The tables whose columns an expression names."""
    return {*_NAMED.findall(sql)}


def from_runs(*expressions: str, first: str = "run") -> str:
    """The FROM of a statement on runs that has these expressions.

    Args:
        expressions: Columns, conditions and orders.
        first: What it begins with: ``run``, or one of the constants above.
    """
    named = {table for one in expressions for table in tables_of(one)}
    if first in _WITH_TEST:
        named.discard("t")
    return " ".join([f" FROM {first}", *(join for table, join in _JOINS.items() if table in named)])
