"""The tensors of a network of ncnn's."""

from pathlib import Path

import numpy as np

from loadscope.errors import InputError
from loadscope.sut.ncnn.network import extracted, read_network
from loadscope.sut.signature import FileTensor, Given, Signature, complete, with_given


def read(format: str, path: Path, given: Given) -> Signature:
    """Read the network, and run it on zeros for its outputs.

    Raises:
        InputError: ncnn cannot read the files, or sizes of an input are needed.
    """
    network = read_network(path, 1)
    inputs = with_given(
        [
            FileTensor(name, "float32", None if sizes is None else (1, *sizes))
            for name, sizes in network.inputs().items()
        ],
        given,
    )
    if not complete(inputs):
        missing = next(one.name for one in inputs if not complete([one]))
        raise InputError(
            f"{path}: the file does not say the sizes of its input '{missing}'",
            f"add --shape {missing}=1,3,224,224, with the sizes that it takes",
        )
    extractor = network.extractor(
        {one.name: np.zeros((one.shape or ())[1:], np.float32) for one in inputs}  # type: ignore[arg-type]
    )
    outputs = [
        FileTensor(name, "float32", (1, *extracted(extractor, name).shape))
        for name in network.outputs()
    ]
    return Signature(inputs, tuple(outputs))
