"""A Caffe network while it is written: layers as text, their weights as protocol buffers.

The messages are those of Caffe's ``caffe.proto``: ``NetParameter`` (layer = 100),
``LayerParameter`` (name = 1, type = 2, blobs = 7), ``BlobProto`` (data = 5, shape = 7) and
``BlobShape`` (dim = 1).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from loadscope.tools.convert.emitter import Emitter, Handlers
from loadscope.tools.convert.graph import Graph, Node

_BYTES = 2
Weights = Sequence[NDArray[Any]]


class CaffeEmitter(Emitter):
    """A Caffe network while it is written.

    Args:
        graph: What is converted.
    """

    target = "Caffe"

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self._layers: list[str] = []
        self._weights: list[bytes] = []
        for name in graph.inputs:
            # Whoever feeds it says the batch.
            sizes = [1, *graph.sizes(name, slice(1, None))]
            dims = " ".join(f"dim: {size}" for size in sizes)
            self._layers.append(
                f'layer {{ name: "{name}" type: "Input" top: "{name}" '
                f"input_param {{ shape {{ {dims} }} }} }}"
            )

    def layer(
        self,
        node: Node,
        kind: str,
        inputs: Sequence[str],
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        weights: Weights = (),
        part: str = "",
    ) -> str:
        """Write a layer.

        Args:
            node: The operator that it stands for.
            kind: Caffe's name of the layer.
            inputs: Names of blobs.
            parameters: By the name of the message, its fields.
            weights: The layer's blobs, float32.
            part: What is appended to its name and its blob's, where another layer has the result.

        Returns:
            The name of its blob.
        """
        name, top = f"{node.name}{part}", f"{node.outputs[0]}{part}"
        bottoms = " ".join(f'bottom: "{each}"' for each in inputs)
        messages = " ".join(
            f"{message} {{ {' '.join(f'{key}: {value}' for key, value in fields.items())} }}"
            for message, fields in (parameters or {}).items()
        )
        self._layers.append(
            f'layer {{ name: "{name}" type: "{kind}" {bottoms} top: "{top}" {messages} }}'
        )
        if weights:
            blobs = b"".join(_field(7, _blob(array)) for array in weights)
            written = _field(1, name.encode()) + _field(2, kind.encode()) + blobs
            self._weights.append(_field(100, written))
        return top

    def prototxt(self) -> str:
        """The layers, one a line."""
        return "\n".join(self._layers) + "\n"

    def caffemodel(self) -> bytes:
        """The weights."""
        return b"".join(self._weights)


def _blob(array: NDArray[Any]) -> bytes:
    sizes = _field(1, b"".join(map(_varint, array.shape)))
    return _field(5, array.astype("<f4").tobytes()) + _field(7, sizes)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


handles: Handlers[CaffeEmitter] = Handlers("Caffe")
