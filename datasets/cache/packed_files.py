"""Samples that lie many in one file: an image is named ``<file>#<form>:<number>``.

Forms are ``idx`` (LeCun's, of 8-bit pictures), ``cifar10`` and ``cifar100`` (Krizhevsky's binary
version) and ``parquet/<column>`` (the bytes of an encoded image, as Hugging Face keeps them). Raw
pixels are given out as a netpbm file, so that a sample is an image file wherever it comes from.
"""

import gzip
import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError

_NAME = re.compile(r"(.+)#(idx|cifar10|cifar100|parquet/[^:]+):([0-9]+)", re.DOTALL)
_SIDE = 32
"""Of CIFAR's pictures, pixels; a row of a file is its labels and 3 * 32 * 32 bytes, planar."""
CIFAR_LABELS = {"cifar10": 1, "cifar100": 2}
"""Bytes of labels before a picture; of two the second is the fine one."""


def packed_name(file: str, form: str, number: int) -> str:
    """The name of a sample in a file."""
    return f"{file}#{form}:{number}"


def is_packed(name: str) -> bool:
    """Whether a name is that of a sample in a file."""
    return _NAME.fullmatch(name) is not None


def read_sample(path: Path) -> bytes:
    """The contents of a sample's file, or of a sample in a file, as an image file.

    Raises:
        OSError: The file cannot be read.
        InputError: It is not of its form, or has no such sample.
    """
    match = _NAME.fullmatch(str(path))
    if match is None or path.exists():
        return path.read_bytes()
    file, form, number = Path(match[1]), match[2], int(match[3])
    if form.startswith("parquet/"):
        column = _parquet_column(file, form.partition("/")[2], *_stamp(file))
        return bytes(column[number].as_py()["bytes"])
    pictures = idx_array(file) if form == "idx" else cifar_rows(file, form)
    if number >= len(pictures):
        raise InputError(f"{file} has {len(pictures)} samples, none numbered {number}")
    if form == "idx":
        return _netpbm(pictures[number])
    planes = pictures[number, CIFAR_LABELS[form] :].reshape(3, _SIDE, _SIDE)
    return _netpbm(planes.transpose(1, 2, 0))


def packed_digests(root: Path, names: Sequence[str], done: Callable[[int], None]) -> list[str]:
    """The sha256 of samples in files, as ``read_sample`` gives them."""
    digests = []
    for at, name in enumerate(names):
        digests.append(hashlib.sha256(read_sample(root / name)).hexdigest())
        if at % 256 == 0:
            done(at)
    return digests


def idx_array(path: Path) -> NDArray[np.uint8]:
    """The array of an IDX file, gzipped or not.

    The header is two zeros, the type (8 is an unsigned byte), the number of axes, and the size of
    each as ``>i4``.

    Raises:
        OSError: It cannot be read.
        InputError: It is no IDX file of bytes, or is cut short.
    """
    return _idx_array(path, *_stamp(path))


@lru_cache(8)
def _idx_array(path: Path, *stamp: int) -> NDArray[np.uint8]:
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise InputError(f"{path} is damaged: {error}", "fetch it again") from error
    axes = content[3] if len(content) > 3 else 0
    if content[:3] != b"\0\0\x08" or not 1 <= axes <= 3 or len(content) < 4 + 4 * axes:
        raise InputError(f"{path} is no IDX file of bytes", "give the data set's own file")
    shape = np.frombuffer(content, ">i4", axes, 4).tolist()
    body = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if body.size != np.prod(shape):
        raise InputError(
            f"{path}: expected {np.prod(shape)} bytes after its header, got {body.size}",
            "restore the file",
        )
    return body.reshape(shape)


def cifar_rows(path: Path, form: str) -> NDArray[np.uint8]:
    """The rows of a file of CIFAR's binary version: ``(samples, labels + 3072)``.

    Raises:
        OSError: It cannot be read.
        InputError: Its size is not a whole number of rows.
    """
    row = CIFAR_LABELS[form] + 3 * _SIDE * _SIDE
    size = path.stat().st_size
    if not size or size % row:
        raise InputError(
            f"{path}: {size} bytes are no whole number of rows of {row}", "restore the file"
        )
    return _mapped(path, *_stamp(path)).reshape(-1, row)


@lru_cache(8)
def _mapped(path: Path, *stamp: int) -> NDArray[np.uint8]:
    return np.memmap(path, np.uint8, "r")


def _stamp(path: Path) -> tuple[int, int]:
    """What changes with a file: what was read of another is not taken for it."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(2)
def _parquet_column(path: Path, column: str, *stamp: int) -> Any:
    from loadscope.datasets.adapters.rows import parquet_table

    return parquet_table(path).column(column)


def _netpbm(pixels: NDArray[np.uint8]) -> bytes:
    kind = b"P5" if pixels.ndim == 2 else b"P6"
    height, width = pixels.shape[:2]
    return b"%s %d %d 255\n" % (kind, width, height) + np.ascontiguousarray(pixels).tobytes()
