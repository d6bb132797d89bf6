"""Named tensors as bytes that say what they are: the same on every machine.

A message is the magic ``LSTENS1`` with a line feed, the length of the table as a little-endian
32-bit number, the table, and the tensors' own bytes, little-endian in C order. The table is JSON:
``[{"name", "dtype", "shape"}, ...]`` in the tensors' order, filled up with blanks so that the first
tensor begins at a multiple of 64 bytes; each further one does too, zeros between.
"""

import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from loadscope.errors import WorkError
from loadscope.tensors import Tensors

CONTENT_TYPE = "application/x-loadscope-tensors"
MAGIC = b"LSTENS1\n"
DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64",
)  # fmt: skip
_ALIGN = 64
_PREFIX = struct.Struct("<8sI")
_MOST_TENSORS = 1000


class MalformedError(ValueError):
    """Bytes that are no message; the text says where."""


def encode(tensors: Tensors) -> bytes:
    """Named tensors as a message.

    Args:
        tensors: Arrays of any byte order and layout, of the types ``DTYPES``.

    Raises:
        WorkError: A tensor is of another type.
    """
    for name, array in tensors.items():
        if array.dtype.name not in DTYPES:
            raise WorkError(
                f"tensor '{name}' is of type {array.dtype}, which has no form on the network",
                f"the model's tensors can be of: {', '.join(DTYPES)}",
            )
    told = [
        {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
        for name, array in tensors.items()
    ]
    table = json.dumps(told, separators=(",", ":")).encode()
    table += b" " * (-(_PREFIX.size + len(table)) % _ALIGN)
    parts: list[Any] = [_PREFIX.pack(MAGIC, len(table)), table]
    for array in tensors.values():
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        parts += [little.reshape(-1).view(np.uint8).data, bytes(-little.nbytes % _ALIGN)]
    return b"".join(parts)


def decode(message: bytes | bytearray) -> Tensors:
    """The tensors of a message, in native byte order; they look into ``message`` where they can.

    Raises:
        MalformedError: It is none, is cut off, or has bytes left over.
    """
    if len(message) < _PREFIX.size:
        raise MalformedError(f"expected at least {_PREFIX.size} bytes, got {len(message)}")
    magic, length = _PREFIX.unpack_from(message)
    if magic != MAGIC:
        raise MalformedError(f"expected {MAGIC!r} at the start, got {bytes(magic)!r}")
    start = _PREFIX.size + length
    if start % _ALIGN or start > len(message):
        raise MalformedError(f"table of {length} bytes in a message of {len(message)}")
    found: Tensors = {}
    for name, dtype, shape in _table(bytes(message[_PREFIX.size : start])):
        count = math.prod(shape)
        size = count * dtype.itemsize
        if start + size > len(message):
            raise MalformedError(
                f"tensor '{name}': expected {size} bytes, got {len(message) - start}"
            )
        read = np.frombuffer(message, dtype, count, start).reshape(shape)
        found[name] = read.astype(dtype.newbyteorder("="), copy=False)
        start += size + -size % _ALIGN
    if start != len(message):
        raise MalformedError(f"expected {start} bytes, got {len(message)}")
    return found


def _table(text: bytes) -> Sequence[tuple[str, "np.dtype[Any]", tuple[int, ...]]]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"the table is not JSON: {error}") from error
    if not isinstance(told, list) or len(told) > _MOST_TENSORS:
        raise MalformedError(f"the table: expected a list of at most {_MOST_TENSORS} tensors")
    rows, names = [], set()
    for entry in told:
        if not isinstance(entry, dict) or set(entry) != {"name", "dtype", "shape"}:
            raise MalformedError("the table: expected name, dtype and shape of each tensor")
        name, kind, shape = entry["name"], entry["dtype"], entry["shape"]
        if not isinstance(name, str) or name in names:
            raise MalformedError(f"the table: expected names, each once, got {name!r}")
        if kind not in DTYPES:
            raise MalformedError(f"tensor '{name}': unknown dtype {kind!r}")
        sizes = isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape)
        if not sizes or len(shape) > 16:
            raise MalformedError(f"tensor '{name}': expected a shape, got {shape!r}")
        names.add(name)
        rows.append((name, np.dtype(kind).newbyteorder("<"), tuple(shape)))
    return rows
