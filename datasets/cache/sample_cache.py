"""The sample cache on disk: fixed-shape 8-bit records, looked up by sample.

A cache is a folder named by the sha256 of everything that shapes its contents:

- ``header.json``: what the key was made from, and checksums of the two tables. It is written
  last, so a folder with a valid header is a finished cache.
- ``records.bin``: the distinct records, one after the other. Samples with the same contents
  share a record.
- ``rows.bin``: the record of each sample, ``<u4``.
- ``crc.bin``: the CRC-32 of each record, ``<u4``. It is written after the record, so a record
  that matches its checksum is done: this is also the state of an unfinished build.
- ``sources.json``: the file that each record was made from, so that a damaged one can be made
  again. It is no part of the key and may be missing.

This module reads finished caches and imports numpy alone, because the measured process uses it.
"""

import hashlib
import json
import math
import mmap
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import WorkError

FORMAT = 1
"""Raised whenever the files change their meaning; part of the key."""

HEADER, RECORDS, ROWS, CHECKSUMS = "header.json", "records.bin", "rows.bin", "crc.bin"
SOURCES = "sources.json"


class DamagedCacheError(WorkError):
    """The folder is not a finished, undamaged cache: it has to be prepared (again)."""

    def __init__(self, folder: Path, what: str) -> None:
        super().__init__(
            f"the sample cache {folder} is unusable: {what}",
            "run again: what is damaged is made again from the data set",
        )


def key_material(
    record: dict[str, Any], shape: tuple[int, ...], digests: list[str], distinct: int
) -> dict[str, Any]:
    """Everything that shapes a cache, in the form that the header keeps.

    Args:
        record: What determines a record given its source: settings and library versions.
        shape: The shape of a record.
        digests: The sha256 of each sample's source, in sample order.
        distinct: How many of them differ.
    """
    return {
        "format": FORMAT,
        "byte_order": "little",
        "dtype": "uint8",
        "record_shape": list(shape),
        "count": len(digests),
        "distinct": distinct,
        "record": record,
        "samples_sha256": hashlib.sha256("\n".join(digests).encode()).hexdigest(),
    }


def key_of(material: dict[str, Any]) -> str:
    """The cache's folder name."""
    text = json.dumps(material, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def require_little(folder: Path, header: dict[str, Any]) -> None:
    """Check a header's byte-order stamp.

    Raises:
        DamagedCacheError: The tables are not little-endian.
    """
    if header.get("byte_order") != "little":
        raise DamagedCacheError(folder, f"it is {header.get('byte_order')}-endian")


def header_of(material: dict[str, Any], rows: bytes, checksums: bytes) -> dict[str, Any]:
    """The contents of ``header.json``."""
    return {**material, "checks": {ROWS: zlib.crc32(rows), CHECKSUMS: zlib.crc32(checksums)}}


@dataclass(frozen=True)
class SampleCache:
    """A finished cache, its tables read and checked.

    Attributes:
        folder: Where it is.
        material: What its key was made from.
        shape: The shape of a record.
        rows: The record of each sample.
        checksums: The CRC-32 of each record.
    """

    folder: Path
    material: dict[str, Any]
    shape: tuple[int, ...]
    rows: NDArray[np.intp]
    checksums: NDArray[np.uint32]

    @property
    def record_bytes(self) -> int:
        """The size of a record."""
        return math.prod(self.shape)

    @property
    def records(self) -> Path:
        """The file of records."""
        return self.folder / RECORDS

    @classmethod
    def open(cls, folder: Path) -> "SampleCache":
        """Read a cache's header and tables; the records themselves are not read.

        Raises:
            DamagedCacheError: It is not finished, or a file is missing, cut or corrupt.
        """
        header = _read_header(folder)
        checks = header.pop("checks", None)
        if key_of(header) != folder.name:
            raise DamagedCacheError(folder, f"{HEADER} does not fit the folder's name")
        if header["format"] != FORMAT or not isinstance(checks, dict):
            raise DamagedCacheError(folder, f"{HEADER} is of another format")
        require_little(folder, header)
        # From here on the key vouches for the header: its values are those we once wrote.
        count, distinct = header["count"], header["distinct"]
        rows = _read_table(folder, ROWS, count, checks)
        checksums = _read_table(folder, CHECKSUMS, distinct, checks)
        cache = cls(folder, header, tuple(header["record_shape"]), rows.astype(np.intp), checksums)
        cache.require_whole()
        return cache

    def require_whole(self) -> None:
        """Check the size of ``records.bin``: reading a mapped page that is gone kills a process.

        Raises:
            DamagedCacheError: The file is missing or has another size.
        """
        expected = self.record_bytes * len(self.checksums)
        try:
            size = self.records.stat().st_size
        except OSError as error:
            raise DamagedCacheError(self.folder, f"{RECORDS}: {error.strerror}") from error
        if size != expected:
            raise DamagedCacheError(
                self.folder, f"{RECORDS} has {size} bytes instead of {expected}"
            )

    def map_records(self) -> mmap.mmap:
        """Map the records for reading."""
        with self.records.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _read_header(folder: Path) -> dict[str, Any]:
    try:
        header = json.loads((folder / HEADER).read_bytes())
    except FileNotFoundError:
        raise DamagedCacheError(folder, "it is not finished") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedCacheError(folder, f"{HEADER} cannot be read: {error}") from error
    if not isinstance(header, dict):
        raise DamagedCacheError(folder, f"{HEADER} is not a header")
    return header


def _read_table(
    folder: Path, name: str, entries: int, checks: dict[str, Any]
) -> NDArray[np.uint32]:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise DamagedCacheError(folder, f"{name}: {error.strerror}") from error
    if len(content) != 4 * entries or zlib.crc32(content) != checks.get(name):
        raise DamagedCacheError(folder, f"{name} is corrupt")
    return np.frombuffer(content, "<u4").astype(np.uint32)
