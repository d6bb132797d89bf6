"""``.npz``: named arrays, each with its byte order in its own header."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.files import replacing

Arrays = dict[str, NDArray[Any]]


def read_npz(path: Path) -> Arrays:
    """Read arrays of either byte order, compressed or not, into native order.

    Raises:
        InputError: It is no such file, is damaged, or has an array of Python objects.
    """
    fix = "write it with numpy.savez, arrays of numbers alone"
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is not .npz", fix)
    try:
        with np.load(path, allow_pickle=False) as archive:
            found: dict[str, Any] = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"cannot read {path} as .npz: {error}", fix) from error
    for name, value in found.items():
        if not isinstance(value, np.ndarray):
            raise InputError(f"{path}: '{name}' is no array", fix)
    return {name: value.astype(value.dtype.newbyteorder("=")) for name, value in found.items()}


def write_npz(path: Path, arrays: Arrays) -> None:
    """Write arrays little-endian, whatever their order and the host's."""
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        # numpy.savez has parameters of its own, which no array could be called.
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                little = value.astype(value.dtype.newbyteorder("<"))
                np.save(member, little, allow_pickle=False)
