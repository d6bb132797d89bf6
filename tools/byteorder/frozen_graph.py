"""TensorFlow frozen graphs in the other byte order, without running TensorFlow's kernels.

``tensor_content`` of a constant is the memory of the host that wrote it; every tensor in any
attribute is swapped by its type, those of library functions included, and lists of tensors.
Values that are not in ``tensor_content`` are protobuf's numbers and have no byte order.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from loadscope.errors import InputError
from loadscope.files import replacing

# tensorflow/core/framework/types.proto: bytes of a word that is swapped.
_WORDS = {
    "DT_FLOAT": 4, "DT_DOUBLE": 8, "DT_INT32": 4, "DT_UINT32": 4, "DT_INT16": 2, "DT_UINT16": 2,
    "DT_INT8": 1, "DT_UINT8": 1, "DT_BOOL": 1, "DT_INT64": 8, "DT_UINT64": 8, "DT_HALF": 2,
    "DT_BFLOAT16": 2, "DT_COMPLEX64": 4, "DT_COMPLEX128": 8, "DT_QINT8": 1, "DT_QUINT8": 1,
    "DT_QINT32": 4, "DT_QINT16": 2, "DT_QUINT16": 2,
    "DT_FLOAT8_E5M2": 1, "DT_FLOAT8_E4M3FN": 1,
}  # fmt: skip


def swap_graph(source: Path, output: Path) -> int:
    """Write the graph with every constant's bytes in the other order.

    Returns:
        How many tensors were swapped.

    Raises:
        InputError: The file is no frozen graph, or has a type whose words are not known; the
            message has node and type.
    """
    # The schema of GraphDef comes with TensorFlow; reading it computes nothing.
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework import graph_pb2, types_pb2

    graph = graph_pb2.GraphDef()
    try:
        graph.ParseFromString(source.read_bytes())
    except (OSError, DecodeError) as error:
        raise InputError(f"cannot read {source} as a frozen graph: {error}") from error
    if not graph.node:
        raise InputError(f"{source} has no nodes, so it is no frozen graph")
    count = 0
    for node, tensor in _tensors(graph):
        if not tensor.tensor_content:
            continue
        name = types_pb2.DataType.Name(tensor.dtype)
        word = _WORDS.get(name)
        if word is None or len(tensor.tensor_content) % word:
            raise InputError(
                f"{source}: node '{node}' has a tensor of {name}, whose byte order is not known",
                f"known are: {', '.join(_WORDS)}",
            )
        words = np.frombuffer(tensor.tensor_content, f"u{word}")
        tensor.tensor_content = words.byteswap().tobytes()
        count += 1
    with replacing(output) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
    return count


def _tensors(graph: Any) -> Iterator[tuple[str, Any]]:
    """Every tensor of a graph and its functions, with the node that has it."""
    for node in graph.node:
        yield from _in_attributes(node.name, node.attr)
    for function in graph.library.function:
        name = function.signature.name
        yield from _in_attributes(name, function.attr)
        for node in function.node_def:
            yield from _in_attributes(f"{name}/{node.name}", node.attr)


def _in_attributes(name: str, attributes: Any) -> Iterator[tuple[str, Any]]:
    for value in attributes.values():
        kind = value.WhichOneof("value")
        if kind == "tensor":
            yield name, value.tensor
        elif kind == "func":
            yield from _in_attributes(name, value.func.attr)
        elif kind == "list":
            for tensor in value.list.tensor:
                yield name, tensor
            for function in value.list.func:
                yield from _in_attributes(name, function.attr)
