"""The array cache on disk: named arrays of each sample, of one type and any sizes.

A cache is a folder named by the sha256 of everything that shapes its contents:

- ``header.json``: what the key was made from, type and rank of each column, and the CRC-32 of the
  table of sizes. It is written last, so a folder with a valid header is a finished cache.
- ``0.bin``, ``1.bin``, …: the arrays of a column, one after the other, little-endian.
- ``sizes.bin``: for each sample the sizes of its array in each column, ``<u4``.
- ``crc.bin``: for each sample the CRC-32 of its array in each column, ``<u4``.

This module imports numpy alone, because the measured process uses it.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.sample_cache import HEADER, DamagedCacheError, key_of, require_little
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

FORMAT = 1
"""Raised whenever the files change their meaning; part of the key."""

SIZES, CHECKSUMS = "sizes.bin", "crc.bin"


@dataclass(frozen=True)
class Column:
    """The arrays of one name: a numpy type name, and how many axes they have."""

    dtype: str
    rank: int

    @property
    def stored(self) -> np.dtype[Any]:
        """The type on disk."""
        return np.dtype(self.dtype).newbyteorder("<")


def column_file(position: int) -> str:
    """The name of a column's file."""
    return f"{position}.bin"


def material_of(record: Mapping[str, Any], columns: Mapping[str, Column]) -> dict[str, Any]:
    """Everything that shapes a cache, in the form that the header keeps."""
    return {
        "format": FORMAT,
        "byte_order": "little",
        "kind": "arrays",
        "columns": {name: [one.dtype, one.rank] for name, one in columns.items()},
        **record,
    }


@dataclass(frozen=True)
class ArrayCache:
    """A finished cache, its tables read and checked; the arrays are read when asked for.

    Attributes:
        folder: Where it is.
        material: What its key was made from.
        columns: By name, in the order of their files.
        sizes: By column, ``(samples, rank)``.
        checksums: By column, ``(samples,)``.
        starts: By column, the first number of each sample's array, ``(samples,)``.
        maps: By column, all numbers of its file.
    """

    folder: Path
    material: dict[str, Any]
    columns: dict[str, Column]
    sizes: dict[str, NDArray[np.int64]]
    checksums: dict[str, NDArray[np.uint32]]
    starts: dict[str, NDArray[np.int64]]
    maps: Tensors

    def __len__(self) -> int:
        """How many samples there are."""
        return len(next(iter(self.checksums.values())))

    @classmethod
    def open(cls, folder: Path) -> "ArrayCache":
        """Read a cache's header and tables.

        Raises:
            DamagedCacheError: It is not finished, or a file is missing, cut or corrupt.
        """
        try:
            header = json.loads((folder / HEADER).read_bytes())
            checks = header.pop("checks")
            columns = {name: Column(*one) for name, one in header["columns"].items()}
        except FileNotFoundError:
            raise DamagedCacheError(folder, "it is not finished") from None
        except (OSError, ValueError, RecursionError, LookupError, TypeError) as error:
            raise DamagedCacheError(folder, f"{HEADER} cannot be read: {error}") from error
        if key_of(header) != folder.name or header["format"] != FORMAT:
            raise DamagedCacheError(folder, f"{HEADER} does not fit the folder's name")
        require_little(folder, header)
        sizes_table = _table(folder, SIZES, checks, sum(one.rank for one in columns.values()))
        sums_table = _table(folder, CHECKSUMS, checks, len(columns))
        if len(sizes_table) != len(sums_table) or not len(sums_table):
            raise DamagedCacheError(folder, f"{SIZES} does not fit {CHECKSUMS}")
        sizes, sums, starts, maps, at = {}, {}, {}, {}, 0
        for position, (name, column) in enumerate(columns.items()):
            sizes[name] = sizes_table[:, at : at + column.rank]
            at += column.rank
            sums[name] = sums_table[:, position].astype(np.uint32)
            counts = sizes[name].prod(axis=1)
            starts[name] = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
            maps[name] = _mapped(folder, column_file(position), column, int(counts.sum()))
        return cls(folder, header, columns, sizes, sums, starts, maps)

    def read(self, name: str, index: int) -> NDArray[Any]:
        """A sample's array of a column in memory of its own, native byte order.

        Raises:
            WorkError: It is not what was written.
        """
        return np.array(self.view(name, index), np.dtype(self.columns[name].dtype))

    def view(self, name: str, index: int) -> NDArray[Any]:
        """A sample's array of a column where it lies in the file, little-endian.

        Raises:
            WorkError: It is not what was written.
        """
        sizes, start = self.sizes[name][index], int(self.starts[name][index])
        stored = self.maps[name][start : start + int(sizes.prod())]
        if zlib.crc32(stored.view(np.uint8).data) != self.checksums[name][index]:
            raise WorkError(
                f"the sample cache {self.folder} is unusable: sample {index} is corrupt",
                "delete that folder and run again",
            )
        return stored.reshape(tuple(sizes.tolist()))


def _table(folder: Path, name: str, checks: Any, width: int) -> NDArray[np.int64]:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise DamagedCacheError(folder, f"{name}: {error.strerror}") from error
    if not isinstance(checks, dict) or zlib.crc32(content) != checks.get(name):
        raise DamagedCacheError(folder, f"{name} is corrupt")
    return np.frombuffer(content, "<u4").astype(np.int64).reshape(-1, width)


def _mapped(folder: Path, name: str, column: Column, count: int) -> NDArray[Any]:
    try:
        size = (folder / name).stat().st_size
    except OSError as error:
        raise DamagedCacheError(folder, f"{name}: {error.strerror}") from error
    if size != count * column.stored.itemsize:
        raise DamagedCacheError(
            folder, f"{name} has {size} bytes instead of {count * column.stored.itemsize}"
        )
    if not count:
        return np.zeros(0, column.stored)
    return np.memmap(folder / name, column.stored, "r")
