"""``loadscope.results``."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from loadscope.suite.library.tables import data_frame
from loadscope.suite.results.asking import all_columns, select
from loadscope.suite.results.index import index_location, require_index
from loadscope.suite.results.opened import opened
from loadscope.suite.results.query import Query, number_expressions

if TYPE_CHECKING:
    from pandas import DataFrame


def results(
    query: str = "",
    *,
    index: Path | str | None = None,
    **conditions: str | float | bool,
) -> "DataFrame":
    """Runs of the index that ``loadscope results add`` has made, one a row.

    Args:
        query: Conditions: ``model=resnet50 latency_p99_ms<5 sort=-value``; see
            ``docs/results.md``.
        index: Its file; that of ``LOADSCOPE_INDEX``, else the user's, if None.
        conditions: Further ones by name: ``model="resnet50"``, ``valid=True``.

    Returns:
        What ran, where and when, how it stands, the figures, a column a metric; ``path`` is the
        run directory, which ``loadscope.load`` reads.

    Raises:
        InputError: There is no index, a condition is unknown, or pandas is not installed.
    """
    words = [f"{name}={str(value).lower() if isinstance(value, bool) else value}"
             for name, value in conditions.items()]  # fmt: skip
    asked = Query.parse(Query.parse(query).words + words)
    columns = asked.columns or all_columns()
    path = index_location(Path(index) if index is not None else None)
    require_index(path)
    with opened(path) as found:
        rows = list(select(found, replace(asked, columns=columns)))
    return data_frame(rows, columns, tuple(number_expressions()))
