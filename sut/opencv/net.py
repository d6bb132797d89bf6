"""Networks as OpenCV reads them."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from loadscope.errors import InputError, near
from loadscope.sut.native_output import held_back
from loadscope.sut.onnx_files import ends
from loadscope.sut.opencv.files import Network, contents, network
from loadscope.sut.signature import FileTensor
from loadscope.tensors import Tensors

# A node without a name has that of its first result.
_ONNX = re.compile(r"onnx_node(_output_\d+)?!")
_PLACE = re.compile(r"Node \[(?P<type>[^@\]]*)[^\]]*\]:\((?P<name>[^)]*)\)")
_LAYER = re.compile(r"create layer \"(?P<name>[^\"]*)\" of type \"(?P<type>[^\"]*)")


@dataclass(frozen=True)
class Net:
    """A network and what is known of it.

    Attributes:
        net: OpenCV's.
        inputs: As the file declares them; none where it does not say.
        outputs: Likewise.
        caffe: What its ``.prototxt`` says, of a Caffe network.
        moves_channels: Whether the file has channels last, which OpenCV takes and gives first.
    """

    net: Any
    inputs: Sequence[FileTensor] = ()
    outputs: Sequence[FileTensor] = ()
    caffe: Network | None = None
    moves_channels: bool = False

    def layer_of(self, output: str) -> str:
        """The name by which OpenCV gives an output.

        Raises:
            InputError: The network has no such output.
        """
        known = [one.name for one in self.outputs]
        if self.caffe is not None:
            known = list(self.caffe.makers)
        if not known:
            # OpenCV drops the Identity that gives a result its name.
            layers, known = self.net.getLayerNames(), self.net.getUnconnectedOutLayersNames()
            output = known[0] if output not in layers and len(known) == 1 else output
            known = layers
        if output not in known:
            raise InputError(
                f"the model has no output '{output}'",
                f"{near(output, known)}it has: {', '.join(known[-5:])}",
            )
        if self.caffe is None:
            return output
        # OpenCV calls convolutions by their blobs, and other layers by their names.
        maker = self.caffe.makers[output]
        return maker if maker in self.net.getLayerNames() else output

    def file_name(self, layer: str) -> str:
        """The name that the file has for one of OpenCV's layers."""
        if self.caffe is None or layer in self.caffe.types:
            return _ONNX.sub("", layer)
        return self.caffe.makers.get(layer, layer)

    def run(self, batch: Tensors, outputs: Sequence[str]) -> list["np.ndarray[Any, Any]"]:
        """The outputs of a batch, copied.

        Args:
            batch: The inputs, channels as in the file.
            outputs: OpenCV's names.
        """
        for name, array in batch.items():
            self.net.setInput(self._moved(array, (0, 3, 1, 2)), name)
        return [
            np.array(self._moved(found, (0, 2, 3, 1))) for found in self.net.forward(list(outputs))
        ]

    def _moved(self, array: "np.ndarray[Any, Any]", axes: tuple[int, ...]) -> Any:
        if self.moves_channels and array.ndim == len(axes):
            return np.ascontiguousarray(array.transpose(axes))
        return array


@contextlib.contextmanager
def loading(path: Path) -> Iterator[None]:
    """Hold back what OpenCV says, and make an error of what it refuses.

    Raises:
        InputError: OpenCV cannot read the file, or an operator of it, which is named.
    """
    with held_back():
        try:
            yield
        except cv2.error as error:
            raise InputError(
                f"OpenCV {cv2.__version__} cannot load {path}: {told(error)}",
                "use another framework, or fetch the file again",
            ) from error


def told(error: Exception) -> str:
    """What OpenCV says, without the places in its own source; operator and node first."""
    text = " ".join(str(error).split())
    text = _ONNX.sub("", re.sub(r"OpenCV\([^)]*\) \S+: error: ", "", text))
    place = _PLACE.search(text) or _LAYER.search(text)
    if place is None:
        return text[:300]
    return f"{place['type']} '{place['name']}': {text.rpartition('parse error: ')[2]}"[:300]


def open_net(format: str, path: Path) -> Net:
    """Read a network.

    Args:
        format: ``onnx``, ``frozen-graph`` or ``caffe``.
        path: Its file.

    Raises:
        InputError: It is not of its format, or a file is missing.
        cv2.error: OpenCV refuses it.
    """
    if not path.is_file():
        raise InputError(f"OpenCV cannot load {path}: no such file", "fetch it again")
    if format == "onnx":
        return Net(cv2.dnn.readNetFromONNX(str(path)), *ends(path))
    if format == "frozen-graph":
        return Net(cv2.dnn.readNetFromTensorflow(str(path)), moves_channels=True)
    layers, weights = contents(path)
    described = network(layers, path)
    net = cv2.dnn.readNetFromCaffe(*(np.frombuffer(one, np.uint8) for one in (layers, weights)))
    inputs = [
        # Caffe's files have some batch, which whoever feeds them may change.
        FileTensor(name, "float32", None if shape is None else (None, *shape[1:]))
        for name, shape in described.inputs.items()
    ]
    return Net(net, inputs, [FileTensor(end, "float32", None) for end in described.ends], described)
