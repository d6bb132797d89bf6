"""Tables of clicks on disk: arrays in an ``.npz`` file, and Criteo's lines with tabulators."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.recommendation.click_spec import ClickPreprocess
from loadscope.errors import InputError

SUFFIXES = (".npz", ".tsv", ".txt")
REMARK = "remark.txt"
"""A file beside the table, of one line that is said wherever a score on it is shown."""


@dataclass(frozen=True)
class ClickTable:
    """Rows as they stand in a table.

    Attributes:
        dense: Numbers, float32 ``(rows, dense)``; missing ones are NaN.
        sparse: Categories, int64 ``(rows, sparse)``; missing ones are 0.
        label: 1 where there was a click, otherwise 0, float32 ``(rows,)``.
        weight: How much each counts, float32 ``(rows,)``.
        probability: What the generator drew each label from, where rows are generated.
    """

    dense: NDArray[np.float32]
    sparse: NDArray[np.int64]
    label: NDArray[np.float32]
    weight: NDArray[np.float32]
    probability: NDArray[np.float32] | None = None


def table_file(path: Path) -> Path:
    """The table of a folder, or the file itself.

    Raises:
        InputError: There is none, or several.
    """
    if path.is_file():
        return path
    found = sorted(
        one for one in (path.iterdir() if path.is_dir() else ())
        if one.suffix in SUFFIXES and one.name != REMARK
    )  # fmt: skip
    if len(found) != 1:
        what = ", ".join(one.name for one in found) or "none"
        raise InputError(
            f"{path}: expected one table ({', '.join(SUFFIXES)}), got {what}",
            "give the file; `loadscope datasets` tells where to get one",
        )
    return found[0]


def read_table(file: Path, spec: ClickPreprocess, most: int | None) -> ClickTable:
    """Read a table.

    Args:
        file: Arrays ``dense``, ``sparse`` and ``label`` by name, and ``weight`` and
            ``probability`` if any; or lines of label, numbers and hexadecimal categories.
        spec: How many there are of each.
        most: Lines after so many are not read.

    Raises:
        InputError: It is missing or malformed; the message has the line or the array.
    """
    if not file.is_file():
        raise InputError(f"{file}: not found", "give an .npz or .tsv file")
    table = _arrays(file) if file.suffix == ".npz" else _lines(file, spec, most)
    _check(file, table, spec)
    return table


def _arrays(file: Path) -> ClickTable:
    try:
        with np.load(file, allow_pickle=False) as given:
            arrays = {name: given[name] for name in given.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{file}: not an .npz file: {error}", "save it by numpy.savez") from error
    for name in ("dense", "sparse", "label"):
        if name not in arrays:
            raise InputError(
                f"{file}: array '{name}' not found; it has: {', '.join(arrays) or 'none'}",
                "save dense, sparse and label",
            )
    for name in ("sparse",):
        if arrays[name].dtype.kind not in "iu":
            raise InputError(f"{file}: {name} is {arrays[name].dtype.name}", "save whole numbers")
    rows = len(arrays["label"])
    weight = arrays.get("weight", np.ones(rows, np.float32))
    chance: NDArray[Any] | None = arrays.get("probability")
    return ClickTable(
        arrays["dense"].astype(np.float32), arrays["sparse"].astype(np.int64),
        arrays["label"].astype(np.float32), weight.astype(np.float32),
        None if chance is None else chance.astype(np.float32),
    )  # fmt: skip


def _lines(file: Path, spec: ClickPreprocess, most: int | None) -> ClickTable:
    wide = 1 + spec.dense + spec.sparse
    dense, sparse, label = [], [], []
    try:
        with file.open(encoding="ascii") as lines:
            for number, line in enumerate(lines, start=1):
                if most is not None and number > most:
                    break
                cells = line.rstrip("\r\n").split("\t")
                if len(cells) != wide:
                    raise InputError(
                        f"{file}:{number}: expected {wide} columns, got {len(cells)}",
                        f"a label, {spec.dense} numbers and {spec.sparse} categories",
                    )
                try:
                    label.append(float(cells[0]))
                    numbers = cells[1 : 1 + spec.dense]
                    dense.append([float(one) if one else np.nan for one in numbers])
                    categories = cells[1 + spec.dense :]
                    sparse.append([int(one, 16) % spec.rows if one else 0 for one in categories])
                except ValueError as error:
                    raise InputError(f"{file}:{number}: {error}", "correct the line") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}", "give Criteo's lines") from error
    rows = len(label)
    return ClickTable(
        np.array(dense, np.float32).reshape(rows, spec.dense),
        np.array(sparse, np.int64).reshape(rows, spec.sparse),
        np.array(label, np.float32), np.ones(rows, np.float32),
    )  # fmt: skip


def _check(file: Path, table: ClickTable, spec: ClickPreprocess) -> None:
    rows = len(table.label)
    shapes = {
        "dense": (table.dense.shape, (rows, spec.dense)),
        "sparse": (table.sparse.shape, (rows, spec.sparse)),
        "label": (table.label.shape, (rows,)),
        "weight": (table.weight.shape, (rows,)),
    }
    if table.probability is not None:
        shapes["probability"] = table.probability.shape, (rows,)
    for name, (found, wanted) in shapes.items():
        if found != wanted:
            raise InputError(
                f"{file}: {name}: expected shape {list(wanted)}, got {list(found)}",
                "save as many rows in each array, and the features that preprocess says",
            )
    if not rows:
        raise InputError(f"{file} has no row", "give a table of clicks")
    outside = (table.sparse < 0) | (table.sparse >= spec.rows)
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise InputError(
            f"{file}: row {row + 1}: category {table.sparse[row, column]} is outside "
            f"0..{spec.rows - 1}, the rows of the model's tables",
            "number categories from 0, or correct rows in preprocess",
        )
    strange = ~np.isin(table.label, (0, 1))
    if strange.any():
        row = int(np.flatnonzero(strange)[0])
        raise InputError(
            f"{file}: row {row + 1}: label {table.label[row]:g} is not 0 or 1", "correct the row"
        )
    if not (np.isfinite(table.weight).all() and (table.weight >= 0).all()):
        raise InputError(f"{file}: a weight is below 0 or not finite", "correct the weights")
