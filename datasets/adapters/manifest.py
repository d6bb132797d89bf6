"""A table of inputs and what is to come of them: questions, transcripts, sentences, files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from loadscope.datasets.adapters.adapter import Adapter, Found
from loadscope.datasets.adapters.rows import SUFFIXES, Row, column_of, read_rows, table_in
from loadscope.errors import InputError

_SHOWN = 60


@dataclass(frozen=True, kw_only=True)
class Manifest(Adapter):
    """How samples stand in a table, one a row.

    Attributes:
        adapter: The adapter's name.
        file: The table, relative to the folder; the folder's only one where empty.
        columns: The column of each part of a sample, such as ``{audio: path, text: sentence}``.
    """

    adapter: Literal["manifest"] = "manifest"
    file: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def table(self, folder: Path) -> Path:
        """The table of a folder.

        Raises:
            InputError: There is none, or several.
        """
        own = folder / self.file if self.file and folder.is_dir() else None
        file = own or table_in(folder)
        if file is None or not file.is_file():
            raise InputError(
                f"{file or folder}: no table found", f"expected a file {', '.join(SUFFIXES)}"
            )
        return file

    def read(self, folder: Path, parts: Mapping[str, Sequence[str]]) -> list[Row]:
        """The samples, by the names of their parts.

        Args:
            folder: The data set's folder, or the table.
            parts: What a sample must have, and the names that each column usually goes by.

        Raises:
            InputError: There is no table, a column is missing, or there is no row.
        """
        file = self.table(folder)
        rows = list(read_rows(file))
        if not rows:
            raise InputError(f"{file} has no row", "write a row for each sample")
        columns = {
            part: column_of(rows[0], part, self.columns, usual, file)
            for part, usual in parts.items()
        }
        return [
            Row(row.line, {part: row.values.get(name) for part, name in columns.items()})
            for row in rows
        ]

    def look(self, folder: Path, classes: int | None) -> Found:
        """See ``Adapter.look``; files that the table names are looked for."""
        file = self.table(folder)
        rows = list(read_rows(file))
        if not rows:
            raise InputError(f"{file} has no row", "write a row for each sample")
        columns = {part: column_of(rows[0], part, self.columns, (), file) for part in self.columns}
        named = columns or {name: name for name in rows[0].values}
        first = {part: _short(rows[0].values[name]) for part, name in named.items()}
        remarks = () if columns else ("no columns are named in the entry: these are the table's",)
        return Found(f"a table, {file.suffix[1:]}", len(rows), classes, first, remarks)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
