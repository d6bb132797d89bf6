"""Tables on standard output."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

# Where there is no terminal there is no width to keep to: a pipe gets whole lines.
_WIDE = 240


def add_plain_row(table: Table, *cells: str) -> None:
    """Add a row whose cells are shown as they are, brackets and all."""
    table.add_row(*map(Text, cells))


def wide_console() -> Console:
    """The terminal, or where there is none one with room for whole lines."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal, or unfolded into a pipe."""
    wide_console().print(table)
