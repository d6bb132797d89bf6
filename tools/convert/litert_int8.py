"""ONNX to a ``.tflite`` file of int8, by TensorFlow's own converter."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.calibration import Samples
from loadscope.tools.convert.graph import read_graph
from loadscope.tools.convert.litert import converter_of
from loadscope.tools.convert.simplify import simplify
from loadscope.tools.convert.tensorflow_import import tf

_IMAGE = 4


def quantize(artifact: Artifact, samples: Samples, output: Path) -> None:
    """Quantise an ``onnx`` file to full integers: see ``calibration.Quantize``.

    Inputs and outputs stay float32; images go in channels last, as in ``litert.convert``.

    Raises:
        InputError: An operator has no int8 kernel, or is not converted here.
    """
    graph = read_graph(artifact.path)
    simplify(graph)
    names = list(graph.inputs)
    converter = converter_of(graph)

    def calibration() -> Iterator[list[NDArray[Any]]]:
        for sample in samples():
            values = [sample[name] for name in names]
            yield [np.moveaxis(each, 1, -1) if each.ndim == _IMAGE else each for each in values]

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = calibration
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    try:
        content = converter.convert()
    except Exception as error:
        raise InputError(
            f"{artifact.path}: TensorFlow {tf.__version__} makes no int8 file of it: "
            f"{' '.join(str(error).split())[:300]}",
            "run it in float32, or quantise for another framework",
        ) from error
    output.write_bytes(content)
