"""What an ONNX file says of its weights' files and its ends, without the package ``onnx``."""

import mmap
from collections.abc import Iterator
from pathlib import Path

from loadscope.sut.signature import FileTensor

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


# GraphProto: initializer, input, output. ValueInfoProto: name, type.
_INITIALIZER, _INPUT, _OUTPUT = 5, 11, 12
# ModelProto: graph. GraphProto: node. NodeProto: output, name, op_type, domain.
_GRAPH, _NODE = 7, 1
_NODE_OUTPUT, _NODE_NAME, _NODE_OPERATOR, _NODE_DOMAIN = 2, 3, 4, 7
_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip


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


def ends(path: Path) -> tuple[list[FileTensor], list[FileTensor]]:
    """The inputs and outputs of an ONNX file as it declares them; none of one that is no ONNX.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        try:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            return [], []
        with content:
            try:
                return _ends(content)
            except _NoProtobuf:
                return [], []


def node_of(path: Path, operator: str, domain: str = "") -> str:
    """The first node of the main graph that is an operator; empty where there is none.

    Args:
        path: The file.
        operator: ONNX's name of it.
        domain: Of the operator; empty for ONNX's own.

    Returns:
        The node's name, or its first output's where it has none.
    """
    wanted = (operator.encode(), domain.encode())
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for number, wire, start, end in _inner(data, 0, len(data), (_GRAPH,)):
                if (number, wire) != (_NODE, _BYTES):
                    continue
                kind = tuple(_first(data, start, end, at) for at in (_NODE_OPERATOR, _NODE_DOMAIN))
                if kind == wanted:
                    found = _first(data, start, end, _NODE_NAME) or _first(
                        data, start, end, _NODE_OUTPUT
                    )
                    return found.decode(errors="replace")
    except (OSError, ValueError, _NoProtobuf):
        # What loads the file says what is wrong with it.
        return ""
    return ""


def _ends(data: mmap.mmap) -> tuple[list[FileTensor], list[FileTensor]]:
    inputs, outputs, weights = [], [], set()
    for number, wire, start, end in _fields(data, 0, len(data)):
        if (number, wire) != (7, _BYTES):
            continue
        for inner, kind, at, stop in _fields(data, start, end):
            if kind != _BYTES:
                continue
            if inner == _INITIALIZER:
                weights.add(_first(data, at, stop, 8))
            elif inner == _INPUT:
                inputs.append(_tensor(data, at, stop))
            elif inner == _OUTPUT:
                outputs.append(_tensor(data, at, stop))
    # Old files list their weights among the inputs.
    return [one for one in inputs if one.name.encode() not in weights], outputs


def _tensor(data: mmap.mmap, start: int, end: int) -> FileTensor:
    """A ``ValueInfoProto``: type 1 is a tensor, whose field 1 is the element's, 2 the shape."""
    name = _first(data, start, end, 1).decode(errors="replace")
    element, shape = 0, None
    for number, _, at, stop in _inner(data, start, end, (2, 1)):
        if number == 1:
            element = _varint(data, at, stop)[0]
        elif number == 2:
            sizes = [(a, b) for field, _, a, b in _fields(data, at, stop) if field == 1]
            shape = tuple(_size(data, a, b) for a, b in sizes)
    return FileTensor(name, _TYPES.get(element, ""), shape)


def _size(data: mmap.mmap, start: int, end: int) -> int | None:
    """A dimension: field 1 is its number; without one, or with 0, it is open."""
    for number, wire, at, stop in _fields(data, start, end):
        if (number, wire) == (1, _VARINT):
            return _varint(data, at, stop)[0] or None
    return None


def _first(data: mmap.mmap, start: int, end: int, wanted: int) -> bytes:
    for number, wire, at, stop in _fields(data, start, end):
        if (number, wire) == (wanted, _BYTES):
            return data[at:stop]
    return b""


def _inner(
    data: mmap.mmap, start: int, end: int, path: tuple[int, ...]
) -> Iterator[tuple[int, int, int, int]]:
    """The fields of the message that a path of fields leads to."""
    if not path:
        yield from _fields(data, start, end)
        return
    for number, wire, at, stop in _fields(data, start, end):
        if (number, wire) == (path[0], _BYTES):
            yield from _inner(data, at, stop, path[1:])


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
