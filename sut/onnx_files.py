"""The files that an ONNX file keeps its weights in, told without the package ``onnx``."""

import mmap
from collections.abc import Iterator
from pathlib import Path

# The fields of onnx.proto3 that lead to tensors, by kind of message and number of the field.
_INSIDE = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
}  # fmt: skip
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
# Protobuf's kinds of fields: a number, 8 bytes, a length with so many bytes, 4 bytes.
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


class _NoProtobuf(Exception):
    """The bytes are no message."""


def external_data(path: Path) -> list[Path]:
    """The files with weights that lie beside an ONNX file, sorted; none if it holds all itself.

    Args:
        path: The file; of one that is no ONNX nothing is told, for what loads it refuses it.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        try:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            # An empty file.
            return []
        with content:
            if content.find(b"location") < 0:
                return []
            try:
                names = set(_locations(content, "model", 0, len(content)))
            except _NoProtobuf:
                return []
    return sorted(path.parent / name for name in names)


def _locations(data: mmap.mmap, kind: str, start: int, end: int) -> Iterator[str]:
    """The ``location`` of every tensor in a message whose values are external."""
    inside = _INSIDE[kind]
    for number, wire, at, stop in _fields(data, start, end):
        if wire != _BYTES or number not in inside:
            continue
        if inside[number] == "tensor":
            yield from _location(data, at, stop)
        else:
            yield from _locations(data, inside[number], at, stop)


def _location(data: mmap.mmap, start: int, end: int) -> Iterator[str]:
    external, found = False, []
    for number, wire, at, stop in _fields(data, start, end):
        if number == _DATA_LOCATION and wire == _VARINT:
            external = _varint(data, at, stop)[0] == 1
        elif number == _EXTERNAL_DATA and wire == _BYTES:
            pair = {field: data[a:b] for field, _, a, b in _fields(data, at, stop)}
            if pair.get(1) == b"location":
                found.append(pair.get(2, b"").decode(errors="replace"))
    if external:
        yield from found


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number, kind, begin and end of each field of a message."""
    at = start
    while at < end:
        key, at = _varint(data, at, end)
        wire = key & 7
        if wire == _VARINT:
            stop = _varint(data, at, end)[1]
        elif wire == _BYTES:
            size, at = _varint(data, at, end)
            stop = at + size
        elif wire in (_EIGHT, _FOUR):
            stop = at + (8 if wire == _EIGHT else 4)
        else:
            raise _NoProtobuf
        if stop > end:
            raise _NoProtobuf
        yield key >> 3, wire, at, stop
        at = stop


def _varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise _NoProtobuf
