"""A table with a column of image names and one of labels: CSV, TSV, JSONL or parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadscope.datasets.adapters.image_label.label_map import name_problem
from loadscope.datasets.adapters.image_label.labelled import LabelledImages, checked, numbered
from loadscope.datasets.adapters.rows import SUFFIXES, Row, column_of, read_rows, table_in
from loadscope.datasets.cache.packed_files import packed_name
from loadscope.errors import InputError

TITLE = "a table of images and labels"
_IMAGE = ("image", "file_name", "filename", "file", "path", "image_path", "img")
_LABEL = ("label", "class", "class_id", "category", "target", "fine_label")


def recognised(folder: Path) -> Path | None:
    """The table by which a folder is of this kind."""
    tables = [path for path in folder.iterdir() if path.suffix in SUFFIXES]
    return tables[0] if len(tables) == 1 else None


def read(form: Any, folder: Path, classes: int | None) -> LabelledImages:
    """Read the table; see ``ImageLabel.read``."""
    file = folder / form.file if form.file else table_in(folder)
    if file is None:
        raise InputError(f"{folder}: no table found", f"expected a file {', '.join(SUFFIXES)}")
    rows = list(read_rows(file))
    if not rows:
        raise InputError(f"{file} names no image", "write a row for each")
    image = column_of(rows[0], "image", form.columns, _IMAGE, file)
    label = column_of(rows[0], "label", form.columns, _LABEL, file)
    names = _names(file, rows, image)
    return LabelledImages(
        file.parent
        if names[0].startswith(f"{file.name}#")
        else form.image_folder(folder, names[0]),
        names,
        _labels(form, file, rows, label, classes),
        file,
        [row.line for row in rows],
    )


def _names(file: Path, rows: Sequence[Row], column: str) -> list[str]:
    """Of images in files, or, where the table holds the images themselves, in the table."""
    if isinstance(rows[0].values[column], dict):
        return [packed_name(file.name, f"parquet/{column}", at) for at in range(len(rows))]
    names: dict[str, int] = {}
    for row in rows:
        name, where = row.values.get(column), f"{file}:{row.line}"
        if not isinstance(name, str) or not name or (problem := name_problem(name)):
            said = problem if isinstance(name, str) and name else "is no name of a file"
            raise InputError(f"{where}: image {name!r} {said}", "give a path inside the folder")
        if name in names:
            raise InputError(
                f"{where}: image {name!r} is named already on line {names[name]}",
                "remove one of the two lines",
            )
        names[name] = row.line
    return list(names)


def _labels(
    form: Any, file: Path, rows: Sequence[Row], column: str, classes: int | None
) -> list[tuple[int, ...]]:
    given = [str(row.values.get(column, "")).strip() for row in rows]
    digits = [text.removeprefix("-").isdecimal() for text in given]
    if all(digits) and not form.names:
        numbers = [int(text) - form.counted_from for text in given]
    elif any(digits) and not form.names:
        odd = digits.index(not digits[0])
        raise InputError(
            f"{file}:{rows[odd].line}: label {given[odd]!r} stands among "
            f"{'numbers' if digits[0] else 'names'}",
            "write all labels as numbers or all as names",
        )
    else:
        known = numbered(given, form.names, str(file))
        if not form.names and classes is not None and len(known) != classes:
            raise InputError(
                f"{file} has {len(known)} names of classes, the model tells {classes} apart",
                "give their order in an entry of --datasets FILE (form: class_map)",
            )
        numbers = [known[text] for text in given]
    return [
        (checked(number, classes, f"{file}:{row.line}"),)
        for number, row in zip(numbers, rows, strict=True)
    ]
