"""Rows as files: CSV and Parquet, written as they come, however many there are."""

import csv
import importlib
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from loadscope.errors import InputError
from loadscope.files import replacing
from loadscope.suite.report.export import Row

_CHUNK = 50_000


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write rows with a header; ``-`` is standard output.

    Raises:
        WorkError: The disk refuses.
    """
    if str(path) == "-":
        _csv(sys.stdout, columns, rows)
        return
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        _csv(file, columns, rows)


def csv_text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """Rows as the text of such a file."""
    text = io.StringIO()
    _csv(text, columns, rows)
    return text.getvalue()


def write_parquet(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write rows; numbers and truths are float64, all else is text.

    Raises:
        InputError: pyarrow is not installed.
        WorkError: The disk refuses.
    """
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise InputError(
            f"Parquet needs pyarrow: {error}", "pip install 'loadscope[trace]', or use --csv"
        ) from error
    left = iter(rows)
    first = list(islice(left, _CHUNK))
    schema = arrow.schema([(name, _type(arrow, name, first)) for name in columns])
    with replacing(path) as temporary, parquet.ParquetWriter(temporary, schema) as writer:
        for chunk in chain([first], _chunks(left)):
            told = [{name: row.get(name) for name in columns} for row in chunk]
            writer.write_table(arrow.Table.from_pylist(told, schema=schema))


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _type(arrow: Any, name: str, rows: Iterable[Row]) -> Any:
    values = [row.get(name) for row in rows]
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, (int, float)) for value in known):
        return arrow.float64()
    return arrow.string()


def _csv(file: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> None:
    writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
