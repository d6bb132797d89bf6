"""The cache of recordings on disk: one channel each at the model's rate, one behind the other.

A folder named by the sha256 of everything that shapes its contents:

- ``header.json``: what the key was made from, how samples are stored, and the checksum of the
  table. It is written last, so a folder with a valid header is a finished cache.
- ``waves.bin``: the samples, ``<f4``, or ``<i2`` (of 32768) where that holds all of them exactly.
- ``clips.bin``: of each recording its length in samples and the CRC-32 of its bytes, ``<u4``.

Imports numpy alone, because the measured process reads it.
"""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.sample_cache import (
    HEADER,
    DamagedCacheError,
    key_of,
    require_little,
)

FORMAT = 1
"""Raised whenever the files change their meaning; part of the key."""
WAVES, CLIPS = "waves.bin", "clips.bin"
FULL = 32768
"""What the number 1.0 is in 16 bits."""


@dataclass(frozen=True)
class WaveCache:
    """A finished cache, read and checked but for the samples, which are checked when read.

    Attributes:
        folder: Where it is.
        material: What its key was made from.
        dtype: How samples are stored.
        lengths: Samples of each recording, int64.
    """

    folder: Path
    material: dict[str, Any]
    dtype: np.dtype[Any]
    lengths: NDArray[np.int64]
    _checks: NDArray[np.uint32]
    _starts: NDArray[np.int64]

    @classmethod
    def open(cls, folder: Path) -> "WaveCache":
        """Read a cache.

        Raises:
            DamagedCacheError: It is not finished, or a file is missing, cut or corrupt.
        """
        try:
            header = json.loads((folder / HEADER).read_bytes())
            stored = header.pop("stored")
            dtype, check = np.dtype(stored["dtype"]), stored["clips_crc"]
            table = (folder / CLIPS).read_bytes()
            size = (folder / WAVES).stat().st_size
        except FileNotFoundError:
            raise DamagedCacheError(folder, "it is not finished") from None
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise DamagedCacheError(folder, f"{HEADER} cannot be read: {error}") from error
        if key_of(header) != folder.name or header["format"] != FORMAT:
            raise DamagedCacheError(folder, f"{HEADER} does not fit the folder's name")
        require_little(folder, header)
        if zlib.crc32(table) != check or len(table) != 8 * header["count"]:
            raise DamagedCacheError(folder, f"{CLIPS} is corrupt")
        rows = np.frombuffer(table, "<u4").reshape(-1, 2)
        lengths = rows[:, 0].astype(np.int64)
        ends = np.cumsum(lengths)
        if size != ends[-1] * dtype.itemsize:
            raise DamagedCacheError(folder, f"{WAVES} has {size} bytes, not as {CLIPS} says")
        checks = rows[:, 1].astype(np.uint32)
        return cls(folder, header, dtype, lengths, checks, ends - lengths)

    def read(self, index: int) -> NDArray[Any]:
        """The samples of a recording as they are stored, in native byte order.

        Raises:
            DamagedCacheError: They are not what was written.
        """
        count = int(self.lengths[index])
        try:
            with (self.folder / WAVES).open("rb") as file:
                file.seek(int(self._starts[index]) * self.dtype.itemsize)
                content = file.read(count * self.dtype.itemsize)
        except OSError as error:
            raise DamagedCacheError(self.folder, f"{WAVES}: {error.strerror}") from error
        if zlib.crc32(content) != self._checks[index]:
            raise DamagedCacheError(self.folder, f"{WAVES}: sample {index} is corrupt")
        return np.frombuffer(content, self.dtype).astype(self.dtype.newbyteorder("="))


def as_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Stored samples as a model takes them: float32, -1 to 1."""
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(FULL)
    return samples.astype(np.float32, copy=False)
