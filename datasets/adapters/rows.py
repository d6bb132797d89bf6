"""Tables of one sample a row: JSONL, TSV, CSV, and parquet through pyarrow."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from loadscope.errors import InputError, near

SUFFIXES = (".jsonl", ".tsv", ".csv", ".parquet")


class Row(NamedTuple):
    """A row, and the line that it stands on; of parquet its number, counted from 1."""

    line: int
    values: Mapping[str, Any]


def table_in(folder: Path) -> Path | None:
    """The table of a folder, where it has one alone.

    Raises:
        InputError: It has several.
    """
    if not folder.is_dir():
        return folder if folder.suffix in SUFFIXES else None
    found = sorted(
        path for path in folder.iterdir() if path.suffix in SUFFIXES and path.name[0] != "."
    )
    if len(found) > 1:
        raise InputError(
            f"{folder} has several tables: {', '.join(path.name for path in found)}",
            "keep one, or name it in an entry of --datasets FILE (form: file)",
        )
    return found[0] if found else None


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a table, by its suffix.

    Raises:
        InputError: It cannot be read, is not UTF-8, or a line is not of its form; the message
            has the line.
    """
    if path.suffix == ".parquet":
        yield from map(Row._make, enumerate(parquet_table(path).to_pylist(), start=1))
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _json_lines(path, file) if path.suffix == ".jsonl" else _lines(path, file)
    except OSError as error:
        raise InputError(
            f"cannot read the table {path}: {error.strerror}", "check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text", "save the file as UTF-8") from error
    except csv.Error as error:
        raise InputError(f"{path}: {error}", "correct the table") from error


def _json_lines(path: Path, file: Any) -> Iterator[Row]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path}:{number}: not JSON: {error}", "correct the line") from None
        if not isinstance(values, dict):
            raise InputError(f"{path}:{number}: not an object", 'write {"column": value, …}')
        yield Row(number, values)


def _lines(path: Path, file: Any) -> Iterator[Row]:
    """Rows of CSV; of TSV, in which nothing is quoted, as GLUE's and Common Voice's are not."""
    reader = (
        csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if path.suffix == ".tsv"
        else csv.reader(file)
    )
    header: Sequence[str] = next(reader, [])
    for fields in reader:
        if not fields:
            continue
        if len(fields) != len(header):
            raise InputError(
                f"{path}:{reader.line_num}: {len(fields)} fields, the first line names "
                f"{len(header)}",
                "correct the line",
            )
        yield Row(reader.line_num, dict(zip(header, fields, strict=True)))


def parquet_table(path: Path) -> Any:
    """A parquet file as a table of pyarrow.

    Raises:
        InputError: pyarrow is not installed, or it cannot read the file.
    """
    try:
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            f"{path}: a parquet file needs pyarrow, which is not installed",
            "pip install 'loadscope[parquet]'",
        ) from None
    try:
        return pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"cannot read the table {path}: {first}", "restore the file") from error


def column_of(
    row: Row, part: str, columns: Mapping[str, str], usual: Sequence[str], path: Path
) -> str:
    """The column of a table that has a part of each sample.

    Args:
        row: The first row.
        part: What is wanted, such as ``label``.
        columns: What an entry says of it, by part.
        usual: The names that it goes by.
        path: The table, for messages.

    Raises:
        InputError: There is no such column; the message lists those that there are.
    """
    known = list(row.values)
    wanted = [columns[part]] if part in columns else list(usual)
    for name in wanted:
        if name in row.values:
            return name
    raise InputError(
        f"{path}: no column {' or '.join(wanted)} for the {part}",
        f"{near(wanted[0], known)}it has: {', '.join(known)}; say which in an entry of --datasets "
        "FILE (form: columns)",
    )
