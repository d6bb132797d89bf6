"""The token cache on disk: what the measured process feeds, without text or tokenizer.

A cache is a folder named by the sha256 of everything that shapes its contents:

- ``header.json``: what the key was made from, and the CRC-32 of each table. It is written
  last, so a folder with a valid header is a finished cache.
- ``tokens.bin``: the tokens of all samples, one after the other, ``<i4``.
- ``lengths.bin``: for each sample its number of tokens and how many of them are of the
  first segment, ``<u2`` twice.

This module imports numpy alone, because the measured process uses it.
"""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.sample_cache import HEADER, DamagedCacheError, key_of, require_little

FORMAT = 1
"""Raised whenever the files change their meaning; part of the key."""

TOKENS, LENGTHS = "tokens.bin", "lengths.bin"


@dataclass(frozen=True)
class TokenCache:
    """A finished cache, read and checked.

    Attributes:
        folder: Where it is.
        material: What its key was made from.
        tokens: All tokens, int32.
        lengths: Tokens of each sample, int64, shape ``(samples,)``.
        before: How many of them are of the first segment, likewise.
    """

    folder: Path
    material: dict[str, Any]
    tokens: NDArray[np.int32]
    lengths: NDArray[np.int64]
    before: NDArray[np.int64]

    @classmethod
    def open(cls, folder: Path) -> "TokenCache":
        """Read a cache.

        Raises:
            DamagedCacheError: It is not finished, or a file is missing, cut or corrupt.
        """
        try:
            header = json.loads((folder / HEADER).read_bytes())
            checks = header.pop("checks")
        except FileNotFoundError:
            raise DamagedCacheError(folder, "it is not finished") from None
        except (OSError, ValueError, RecursionError, LookupError, AttributeError) as error:
            raise DamagedCacheError(folder, f"{HEADER} cannot be read: {error}") from error
        if key_of(header) != folder.name or header["format"] != FORMAT:
            raise DamagedCacheError(folder, f"{HEADER} does not fit the folder's name")
        require_little(folder, header)
        tokens = np.frombuffer(_read(folder, TOKENS, checks), "<i4").astype(np.int32)
        table = np.frombuffer(_read(folder, LENGTHS, checks), "<u2").astype(np.int64)
        lengths, before = table.reshape(-1, 2).T
        if len(lengths) != header["count"] or lengths.sum() != len(tokens):
            raise DamagedCacheError(folder, f"{LENGTHS} does not fit {TOKENS}")
        return cls(folder, header, tokens, lengths.copy(), before.copy())


def _read(folder: Path, name: str, checks: Any) -> bytes:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise DamagedCacheError(folder, f"{name}: {error.strerror}") from error
    if not isinstance(checks, dict) or zlib.crc32(content) != checks.get(name):
        raise DamagedCacheError(folder, f"{name} is corrupt")
    return content
