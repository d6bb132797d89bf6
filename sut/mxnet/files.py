"""The files that an MXNet symbol is loaded from, told without MXNet."""

import zipfile
from pathlib import Path


def parameters(path: Path) -> list[Path]:
    """The files of parameters beside a ``-symbol.json``, sorted; none beside an archive.

    Raises:
        OSError: The file cannot be read.
    """
    if zipfile.is_zipfile(path):
        return []
    start = path.name.removesuffix("-symbol.json")
    return sorted(each for each in path.parent.glob("*.params") if each.name.startswith(start))
