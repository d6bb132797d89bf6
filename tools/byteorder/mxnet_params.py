"""MXNet's ``.params``, read and written in either byte order without MXNet.

The file is a dump of the writing host's memory, without a note of its order, and MXNet loads
another host's only with an absurd number of dimensions (apache/mxnet#18667). The layout is that
of ``NDArray::Save`` of MXNet 1.9.1 (src/ndarray/ndarray.cc), all integers in the host's order:
uint64 0x112, uint64 0, uint64 count, the arrays, uint64 count of names, and each name as a
uint64 length and its bytes. An array is uint32 0xF993FAC9 (0xF993FACA where NumPy's shapes were
switched on), int32 storage type (0, dense), int32 dimensions, int64 sizes, int32 device type,
int32 device id, int32 type flag, and its values.
"""

import io
import struct
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.files import replacing
from loadscope.tools.byteorder.npz import Arrays

Order = Literal["little", "big"]

_MARKS: dict[Order, Literal["<", ">"]] = {"little": "<", "big": ">"}
_FILE = 0x112
_ARRAY, _ARRAY_NUMPY_SHAPES = 0xF993FAC9, 0xF993FACA
_MOST_DIMENSIONS = 32
_CPU = 1
# mshadow/base.h, TypeFlag; 7 is bool. bfloat16 (12) has no NumPy type.
_TYPES = {0: "f4", 1: "f8", 2: "f2", 3: "u1", 4: "i4", 5: "i1", 6: "i8", 7: "b1"}


def read_params(path: Path) -> tuple[Arrays, Order]:
    """Read named arrays into native byte order, and tell the order of the file.

    Raises:
        InputError: It is no file of named, dense arrays of known types, or is cut short.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    for order, mark in _MARKS.items():
        if content[:8] == struct.pack(f"{mark}Q", _FILE):
            return _Reader(path, content, mark).arrays(), order
    raise InputError(
        f"{path} is not an MXNet .params file of either byte order",
        "give a file that mxnet.nd.save wrote",
    )


def write_params(path: Path, arrays: Arrays, order: Order) -> None:
    """Write named arrays as MXNet on a host of this byte order would, on its CPU.

    Raises:
        InputError: A type that the format does not know.
    """
    mark = _MARKS[order]
    flags = {np.dtype(name): flag for flag, name in _TYPES.items()}
    out = io.BytesIO()
    out.write(struct.pack(f"{mark}QQQ", _FILE, 0, len(arrays)))
    for name, array in arrays.items():
        flag = flags.get(array.dtype.newbyteorder("="))
        if flag is None:
            raise InputError(
                f"array '{name}' is {array.dtype}, which .params cannot hold",
                f"convert it to one of: {', '.join(str(dtype) for dtype in flags)}",
            )
        # Without NumPy's shapes no dimension would mean no array.
        magic = _ARRAY if array.ndim else _ARRAY_NUMPY_SHAPES
        out.write(struct.pack(f"{mark}Iii{array.ndim}q", magic, 0, array.ndim, *array.shape))
        out.write(struct.pack(f"{mark}iii", _CPU, 0, flag))
        out.write(array.astype(array.dtype.newbyteorder(mark)).tobytes())
    out.write(struct.pack(f"{mark}Q", len(arrays)))
    for name in arrays:
        text = name.encode()
        out.write(struct.pack(f"{mark}Q", len(text)) + text)
    with replacing(path) as temporary:
        temporary.write_bytes(out.getvalue())


class _Reader:
    def __init__(self, path: Path, content: bytes, mark: str) -> None:
        self._path, self._content, self._mark, self._at = path, content, mark, 8

    def arrays(self) -> Arrays:
        reserved, count = self._take("QQ")
        if reserved:
            raise self._bad("its second word is not 0")
        values = [self._array() for _ in range(count)]
        (names,) = self._take("Q")
        if names != count:
            raise self._bad(f"it has {count} arrays and {names} names")
        found = {self._bytes(self._take("Q")[0]).decode(): value for value in values}
        if self._at != len(self._content) or len(found) != count:
            raise self._bad("it goes on after its end, or a name stands twice")
        return found

    def _array(self) -> NDArray[Any]:
        magic, storage, dimensions = self._take("Iii")
        if magic not in (_ARRAY, _ARRAY_NUMPY_SHAPES):
            raise self._bad(f"an array begins with {magic:#x} (an older version's format)")
        if storage:
            raise self._bad(f"an array has storage type {storage}; only dense ones (0) are known")
        if not 0 <= dimensions <= _MOST_DIMENSIONS or (magic == _ARRAY and not dimensions):
            raise self._bad(f"an array has {dimensions} dimensions")
        shape = self._take(f"{dimensions}q")
        _, _, flag = self._take("iii")
        if flag not in _TYPES:
            raise self._bad(
                f"an array has type flag {flag}; known are {', '.join(map(str, _TYPES))}"
            )
        dtype = np.dtype(self._mark + _TYPES[flag])
        count = int(np.prod(shape, dtype=np.int64))
        if count < 0:
            raise self._bad(f"an array has the shape {list(shape)}")
        raw = self._bytes(count * dtype.itemsize)
        return np.frombuffer(raw, dtype).astype(dtype.newbyteorder("=")).reshape(shape)

    def _take(self, form: str) -> tuple[int, ...]:
        packed = struct.Struct(self._mark + form)
        return packed.unpack(self._bytes(packed.size))

    def _bytes(self, count: int) -> bytes:
        taken = self._content[self._at : self._at + count]
        if len(taken) != count:
            raise self._bad("it is cut short")
        self._at += count
        return taken

    def _bad(self, what: str) -> InputError:
        return InputError(
            f"{self._path} cannot be read as .params: {what} (at byte {self._at})",
            "save it again with mxnet.nd.save of MXNet 1.9.1, by name",
        )
