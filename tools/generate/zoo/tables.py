"""How a family's table is written."""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from loadscope.files import replacing


def sha256(path: Path) -> str:
    """The digest of a file, lower-case hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_table(
    path: Path,
    notes: Iterable[str],
    rows: Sequence[Mapping[str, object]],
    keys: Sequence[str] = (),
) -> None:
    """Write rows under a line of their keys, after notes that say where they come from.

    Args:
        path: The table.
        notes: Lines.
        rows: The rows.
        keys: Their keys in order, where there may be no row.
    """
    text = io.StringIO()
    for note in notes:
        text.write(f"# {note}\n")
    writer = csv.DictWriter(text, keys or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def licence(name: str | None) -> str:
    """An SPDX identifier from the spelling of a library; that spelling where there is none."""
    known = {
        "apache-2.0": "Apache-2.0",
        "mit": "MIT",
        "bsd-3-clause": "BSD-3-Clause",
        "cc-by-4.0": "CC-BY-4.0",
        "cc-by-nc-4.0": "CC-BY-NC-4.0",
        "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
    }
    return known.get((name or "").lower(), name or "unknown")
