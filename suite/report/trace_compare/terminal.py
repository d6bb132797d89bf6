"""A comparison as tables for the terminal."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from loadscope.suite.report.trace.facts import NOT_A_RESULT
from loadscope.suite.report.trace.terminal import plain_table
from loadscope.suite.report.trace_compare.comparison import TraceComparison
from loadscope.suite.report.trace_compare.wording import (
    ROW_HEADINGS,
    TYPE_HEADINGS,
    balance,
    row_cells,
    side_name,
    type_cells,
)

TOP = 20


def comparison_tables(found: TraceComparison) -> Iterator[RenderableType]:
    """Yield who is compared, the caveats, types, the largest differences and what is unmatched."""
    yield Text(f"A: {side_name(found.a)}\nB: {side_name(found.b)}", style="bold")
    yield Text("\n".join(balance(found)))
    if found.caveats:
        yield Text("\n".join(found.caveats), style="yellow")
    yield _table("By type", TYPE_HEADINGS, [type_cells(one) for one in found.types], 1)
    rows = found.by_difference[:TOP]
    total = len(found.matched) + len(found.only_a) + len(found.only_b)
    yield _table(
        f"Largest differences ({len(rows)} of {total})",
        ROW_HEADINGS,
        [row_cells(row) for row in rows],
        2,
    )
    for name, some in (("A", found.only_a), ("B", found.only_b)):
        if some:
            layers = ", ".join(f"{row.name} ({row.type})" for row in some)
            yield Text(f"only in {name}: {layers}", style="dim")
    yield Text(NOT_A_RESULT, style="dim")


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> Table:
    table = plain_table(title, *headings, right=range(words, words + 4))
    for cells in rows:
        table.add_row(*map(Text, cells))
    return table
