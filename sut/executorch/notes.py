"""What the exporter notes of a program's operators, at the end of its file.

A ``.pte`` says where its own parts end, so a ZIP archive may follow; ExecuTorch's events have the
names of kernels alone, and these are the operators behind them.
"""

import json
import zipfile
from typing import Any

_MEMBER = "loadscope-operators.json"


def append_notes(path: str, notes: list[Any]) -> None:
    """Write notes behind a program: one entry an instruction, each a list of operators."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(_MEMBER), json.dumps(notes))


def read_notes(path: str) -> list[Any]:
    """The notes of a program; none where another exporter wrote it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return list(json.loads(archive.read(_MEMBER).decode()))
    except (zipfile.BadZipFile, KeyError, ValueError):
        return []
