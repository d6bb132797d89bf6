"""A graph model of TensorFlow.js: ``model.json`` with its weights, its constant parts computed.

The form is that of ``tensorflowjs_converter`` (``--output_format tfjs_graph_model``): a GraphDef as
JSON, and a list of weights that lie one after the other in the files that the list names.
"""

import base64
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError

_TYPES = {
    "float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "uint16": "<u2",
    "bool": "u1",
}  # fmt: skip


@dataclass(frozen=True)
class TfjsNode:
    """One operator: ``op`` is TensorFlow's name; a tensor is ``name`` or ``name:1`` and so on."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any]

    def numbers(self, key: str) -> list[int]:
        """A list of whole numbers, empty where there is none."""
        return [int(each) for each in self.attributes.get(key, {}).get("list", {}).get("i", [])]

    def text(self, key: str) -> str:
        """A text, which the form keeps in base64."""
        return base64.b64decode(self.attributes.get(key, {}).get("s", "")).decode("ascii")

    def flag(self, key: str) -> bool:
        """A truth value."""
        return bool(self.attributes.get(key, {}).get("b", False))


@dataclass(frozen=True)
class TfjsGraph:
    """A graph model.

    Attributes:
        path: Of ``model.json``, for messages.
        nodes: The operators that are not constant, in an order in which they can run.
        constants: Arrays by tensor name.
        inputs: Shapes by name, with the batch axis.
        outputs: The tensor of each output, by the name that the signature gives it.
    """

    path: Path
    nodes: tuple[TfjsNode, ...]
    constants: dict[str, NDArray[Any]]
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, str]


def read_model_json(path: Path) -> dict[str, Any]:
    """What is in a ``model.json``.

    Raises:
        InputError: It cannot be read, or is no JSON object.
    """
    try:
        whole = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except ValueError as error:
        raise _no_model(path, error) from error
    if not isinstance(whole, dict):
        raise _no_model(path, TypeError(type(whole).__name__))
    return whole


def read_tfjs(path: Path, whole: dict[str, Any]) -> TfjsGraph:
    """Read a graph model; its weights lie beside ``model.json``.

    Args:
        path: The ``model.json``.
        whole: What is in it.

    Raises:
        InputError: It is none, a file of weights is missing or of another size, or the graph
            names a tensor that it does not have.
    """
    try:
        listed = whole["modelTopology"]["node"]
    except (KeyError, TypeError) as error:
        raise _no_model(path, error) from error
    constants = read_weights(path, whole)
    nodes = {
        each["name"]: TfjsNode(
            each["name"],
            each["op"],
            tuple(_tensor(name) for name in each.get("input", ()) if name[0] != "^"),
            each.get("attr", {}),
        )
        for each in listed
    }
    inputs = {
        node.name: tuple(
            int(axis["size"]) for axis in node.attributes["shape"]["shape"].get("dim", ())
        )
        for node in nodes.values()
        if node.op == "Placeholder"
    }
    signature = whole.get("signature") or {}
    outputs = {
        name.removesuffix(":0"): _tensor(each.get("name", name))
        for name, each in signature.get("outputs", {}).items()
    }
    if not inputs or not outputs:
        raise InputError(f"{path} has no signature with inputs and outputs", "convert it again")
    ordered = _ordered(path, nodes, [name.partition(":")[0] for name in outputs.values()])
    kept = [node for node in ordered if not _folded(node, constants)]
    return TfjsGraph(path, tuple(kept), constants, inputs, outputs)


def _tensor(name: str) -> str:
    return name.removesuffix(":0")


def _no_model(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} is no graph model of TensorFlow.js: {error!r}", "give its model.json"
    )


def read_weights(path: Path, whole: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """The weights beside a ``model.json``, by name.

    Args:
        path: The ``model.json``.
        whole: What is in it.

    Raises:
        InputError: It names none, or a file of them is missing or of another size.
    """
    try:
        groups = whole["weightsManifest"]
    except KeyError as error:
        raise _no_model(path, error) from error
    found: dict[str, NDArray[Any]] = {}
    for group in groups:
        files = [path.with_name(name) for name in group["paths"]]
        try:
            content = b"".join(file.read_bytes() for file in files)
        except OSError as error:
            raise InputError(
                f"cannot read {error.filename}: {error.strerror}", f"put it beside {path.name}"
            ) from error
        at = 0
        for weight in group["weights"]:
            quantised = weight.get("quantization")
            kind = np.dtype(_TYPES[(quantised or weight)["dtype"]])
            count = math.prod(weight["shape"])
            if at + count * kind.itemsize > len(content):
                raise InputError(f"{files[-1]} is cut short", "fetch it again")
            array = np.frombuffer(content, kind, count, at).reshape(weight["shape"])
            at += count * kind.itemsize
            if quantised and "scale" in quantised:
                array = array * np.float32(quantised["scale"]) + np.float32(quantised["min"])
            found[weight["name"]] = array.astype(_TYPES[weight["dtype"]])
        if at != len(content):
            raise InputError(
                f"{files[-1]}: expected {at} bytes of weights, got {len(content)}", "fetch it again"
            )
    return found


def _ordered(path: Path, nodes: dict[str, TfjsNode], wanted: list[str]) -> list[TfjsNode]:
    """What the outputs need, each node after its inputs."""
    done: dict[str, TfjsNode] = {}
    stack = [(name, False) for name in reversed(wanted)]
    while stack:
        name, ready = stack.pop()
        if name in done:
            continue
        if name not in nodes:
            raise InputError(f"{path}: the graph has no node '{name}'", "convert it again")
        if ready:
            done[name] = nodes[name]
            continue
        stack.append((name, True))
        stack += [(each.partition(":")[0], False) for each in nodes[name].inputs]
    return list(done.values())


def _folded(node: TfjsNode, constants: dict[str, NDArray[Any]]) -> bool:
    """Whether a node is constant; its value is then among the constants."""
    if node.op == "Const":
        return True
    make = _CONSTANT.get(node.op)
    if make is None or not all(name in constants for name in node.inputs):
        return False
    constants[node.name] = make(*(constants[name] for name in node.inputs))
    return True


def _dense(
    indices: NDArray[Any], shape: NDArray[Any], values: NDArray[Any], rest: NDArray[Any]
) -> NDArray[Any]:
    array = np.full(shape.tolist(), rest)
    for place, value in zip(indices.tolist(), np.broadcast_to(values, len(indices)), strict=True):
        array[tuple(place)] = value
    return array


_CONSTANT: dict[str, Callable[..., NDArray[Any]]] = {
    "Identity": lambda value: value,
    "Add": np.add,
    "AddV2": np.add,
    "SparseToDense": _dense,
}
"""The operators that exporters leave among constants."""
