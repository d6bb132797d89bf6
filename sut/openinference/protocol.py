"""The Open Inference Protocol, version 2, over REST, with the binary tensor data extension.

Sources: the protocol's specification (kserve/open-inference-protocol, ``inference_rest.md``), and
Triton's ``protocol/extension_binary_data.md``: a JSON object, then the tensors' bytes in the order
of its ``inputs`` or ``outputs``, little-endian; the header ``Inference-Header-Content-Length`` has
the length of the JSON, and each tensor's ``parameters.binary_data_size`` its own.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from loadscope.errors import WorkError
from loadscope.tensors import Tensors

PROTOCOL = "Open Inference Protocol 2"
PATH = "/v2/models/"
LENGTH_HEADER = "Inference-Header-Content-Length"
BINARY = "binary_tensor_data"
"""The extension, as a server's metadata name it."""

DTYPES = {
    "BOOL": "bool", "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64",
    "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64",
    "FP16": "float16", "FP32": "float32", "FP64": "float64",
}  # fmt: skip
_NAMES = {name: datatype for datatype, name in DTYPES.items()}


def request(batch: Tensors, outputs: Sequence[str], binary: bool) -> tuple[bytes, dict[str, str]]:
    """The body of an inference request and its headers.

    Args:
        batch: The inputs.
        outputs: Whose outputs are asked for.
        binary: Whether the server has the extension.

    Raises:
        WorkError: A tensor is of a type that the protocol does not have.
    """
    told, parts = [], []
    for name, array in batch.items():
        if array.dtype.name not in _NAMES:
            raise WorkError(
                f"tensor '{name}' is of type {array.dtype}, which {PROTOCOL} does not have",
                f"the model's tensors can be of: {', '.join(_NAMES)}",
            )
        one: dict[str, Any] = {
            "name": name, "shape": list(array.shape), "datatype": _NAMES[array.dtype.name],
        }  # fmt: skip
        if binary:
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
            one["parameters"] = {"binary_data_size": len(little)}
            parts.append(little)
        else:
            one["data"] = array.reshape(-1).tolist()
        told.append(one)
    asked = [{"name": name, "parameters": {"binary_data": binary}} for name in outputs]
    head = json.dumps({"inputs": told, "outputs": asked}, separators=(",", ":")).encode()
    if not binary:
        return head, {"Content-Type": "application/json"}
    headers = {"Content-Type": "application/octet-stream", LENGTH_HEADER: str(len(head))}
    return b"".join([head, *parts]), headers


def response(body: bytes, headers: Mapping[str, str]) -> Tensors:
    """The outputs of an answer, in native byte order.

    Raises:
        ValueError: It is not of the protocol; the text says where.
    """
    length = headers.get(LENGTH_HEADER)
    if length is not None and not (length.isdigit() and int(length) <= len(body)):
        raise ValueError(f"{LENGTH_HEADER} is {length}, the body has {len(body)} bytes")
    end = len(body) if length is None else int(length)
    told = json.loads(body[:end])
    if not isinstance(told, dict) or not isinstance(told.get("outputs"), list):
        raise ValueError("no outputs")
    found: Tensors = {}
    for one in told["outputs"]:
        name, datatype, shape = one.get("name"), one.get("datatype"), one.get("shape")
        if datatype not in DTYPES:
            raise ValueError(f"output '{name}': unknown datatype {datatype!r}")
        dtype, count = np.dtype(DTYPES[datatype]), math.prod(shape)
        size = (one.get("parameters") or {}).get("binary_data_size")
        if size is None:
            array = np.array(one.get("data"), dtype)
        else:
            if size != count * dtype.itemsize or end + size > len(body):
                raise ValueError(f"output '{name}': {size} bytes for {datatype} {shape}")
            array = np.frombuffer(body, dtype.newbyteorder("<"), count, end).astype(dtype)
            end += size
        if array.size != count:
            raise ValueError(f"output '{name}': {array.size} numbers for the shape {shape}")
        found[name] = array.reshape(shape)
    return found
