"""The tensors of an ONNX file or of a Caffe network, as OpenCV takes them."""

from pathlib import Path

from loadscope.errors import InputError
from loadscope.sut.opencv.net import loading, open_net
from loadscope.sut.signature import Given, Signature, complete, settled, with_given
from loadscope.tensors import Tensors


def read(format: str, path: Path, given: Given) -> Signature:
    """Read the network; sizes of outputs that it leaves open are tried.

    Raises:
        InputError: OpenCV cannot read it, or sizes of an input are needed.
    """
    with loading(path):
        net = open_net(format, path)
        inputs = with_given(net.inputs, given)
        if format == "caffe" and not complete(inputs):
            name = next((one.name for one in inputs if not complete([one])), "data")
            raise InputError(
                f"{path}: the network does not say the sizes of its input '{name}'",
                f"add --shape {name}=1,3,224,224, with the sizes that it takes",
            )

        def run(batch: Tensors) -> Tensors:
            names = [one.name for one in net.outputs]
            found = net.run(batch, [net.layer_of(name) for name in names])
            return dict(zip(names, found, strict=True))

        return Signature(inputs, settled(inputs, net.outputs, run))
