"""A network of ncnn's, loaded, with what its graph says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ncnn
import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError, WorkError
from loadscope.sut.ncnn.files import Layer, layers, unpacked
from loadscope.sut.tracing.onednn import captured
from loadscope.tensors import Tensors

_HALF = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic")
_BRAIN = ("use_bf16_packed", "use_bf16_storage")
_WINOGRAD = (
    "use_winograd_convolution",
    "use_winograd23_convolution",
    "use_winograd43_convolution",
    "use_winograd63_convolution",
)


@dataclass(frozen=True)
class Network:
    """A network, which any number of threads may call at once.

    Attributes:
        net: ncnn's.
        layers: Its graph, in the order in which it can run.
    """

    net: Any
    layers: list[Layer]

    def inputs(self) -> dict[str, tuple[int, ...] | None]:
        """The inputs with the sizes of one sample, None where the file does not say them."""
        return {one.outputs[0]: _sizes(one) for one in self.layers if one.type == "Input"}

    def outputs(self) -> list[str]:
        """The blobs that no layer takes."""
        taken = {name for one in self.layers for name in one.inputs}
        return [name for one in self.layers for name in one.outputs if name not in taken]

    def dtype(self) -> str:
        """What it computes and stores with, as the network's options have it."""
        option = self.net.opt
        if option.use_bf16_storage:
            return "bfloat16"
        return "float16" if option.use_fp16_storage else "float32"

    def extractor(self, sample: Tensors) -> Any:
        """What answers for one sample, its inputs set."""
        extractor = self.net.create_extractor()
        for name, array in sample.items():
            # Its rows are not copied; ncnn does not write to them.
            if extractor.input(name, ncnn.Mat(array)):
                raise InputError(f"ncnn does not take {list(array.shape)} as input '{name}'")
        return extractor


def read_network(
    path: Path, threads: int, dtype: str = "float32", winograd: bool = True
) -> Network:
    """Load a network.

    Args:
        path: A ``.param`` file with its ``.bin`` beside it, or an archive of both.
        threads: Threads of a call.
        dtype: What is computed with.
        winograd: Whether 3 x 3 convolutions may take Winograd's method.

    Raises:
        InputError: The files cannot be read, or there is a layer that ncnn lacks.
    """
    net = ncnn.Net()
    net.opt.num_threads = threads
    for names, value in (
        (_HALF, dtype == "float16"), (_BRAIN, dtype == "bfloat16"), (_WINOGRAD, winograd),
    ):  # fmt: skip
        for name in names:
            setattr(net.opt, name, value)
    with unpacked(path) as (graph, weights):
        found = layers(graph.read_text(encoding="utf-8", errors="replace"), path)
        require_known(found, path)
        with captured(2) as said:
            failed = net.load_param(str(graph)) or net.load_model(str(weights))
    if failed:
        raise InputError(
            f"ncnn {ncnn.__version__} cannot load {path}: {(said or ['nothing said'])[-1]}",
            "fetch it again, or correct source and format in the model's manifest",
        )
    return Network(net, found)


def require_known(found: list[Layer], path: Path) -> None:
    """Check that ncnn has every layer of a graph.

    Raises:
        InputError: It has not; the message names operator and layer.
    """
    for one in found:
        if ncnn.layer_to_index(one.type) < 0:
            raise InputError(
                f"{path}: layer '{one.name}' is a {one.type}, which ncnn {ncnn.__version__} does "
                "not have",
                "export the model without it, or use another framework",
            )


def extracted(extractor: Any, name: str) -> NDArray[np.float32]:
    """An output of one sample, as an array of its own.

    Raises:
        WorkError: ncnn fails.
    """
    status, found = extractor.extract(name)
    if status:
        raise WorkError(
            f"ncnn {ncnn.__version__} failed with its code {status} on the way to '{name}'",
            "correct the sizes of inputs in the model's manifest, or use another framework",
        )
    return np.array(found, np.float32)


def _sizes(one: Layer) -> tuple[int, ...] | None:
    """The sizes of an input: width, height, depth and channels are 0, 1, 11 and 2."""
    sizes = [one.number(id) for id in (2, 11, 1, 0)]
    return tuple(size for size in sizes if size) or None
