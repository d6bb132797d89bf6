"""Tables: of pandas where they are asked for, and of HTML for notebooks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from loadscope.errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

Cell = Any
"""A value of a table: text, a number, a truth value, a tuple of them, or None."""


def data_frame(
    rows: Iterable[Mapping[str, Cell]], columns: Sequence[str] = (), numbers: Sequence[str] = ()
) -> "DataFrame":
    """Make a pandas table.

    Args:
        rows: Values by column.
        columns: The columns of a table without rows.
        numbers: Columns that are float64 whatever is missing in them.

    Raises:
        InputError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise InputError(
            f"tables of runs and layers need pandas: {error}", "pip install 'loadscope[library]'"
        ) from error
    listed = list(rows)
    frame = pandas.DataFrame(listed, columns=list(listed[0] if listed else columns))
    return frame.astype({name: "float64" for name in numbers if name in frame})


def html_table(
    title: str,
    headings: Iterable[str],
    rows: Iterable[Iterable[str]],
    notes: Iterable[str] = (),
) -> str:
    """Write a table for a notebook; whatever the texts hold is shown, not read as HTML."""

    def cells(kind: str, texts: Iterable[str]) -> Markup:
        begin, end = Markup(f"<{kind}>"), Markup(f"</{kind}>")
        return Markup("").join(begin + escape(text) + end for text in texts)

    head = cells("th", headings)
    body = Markup("").join(Markup("<tr>{}</tr>").format(cells("td", row)) for row in rows)
    below = Markup("").join(Markup("<div>{}</div>").format(note) for note in notes)
    table = Markup("<table><caption>{}</caption>{}<tbody>{}</tbody></table>{}")
    top = Markup("<thead><tr>{}</tr></thead>").format(head) if head else ""
    return str(table.format(title, top, body, below))
