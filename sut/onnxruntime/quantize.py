"""Static quantisation by ONNX Runtime's own tool, into a file with QDQ nodes."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.calibration import Samples
from loadscope.tensors import Tensors

_QUANTIZED = ("QuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """The samples in the form in which the tool asks for them."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._left: Iterator[Tensors] = samples()

    def get_next(self) -> Tensors | None:
        """The next sample; None behind the last."""
        return next(self._left, None)

    def rewind(self) -> None:
        """Begin anew."""
        self._left = self._samples()


def quantize(artifact: Artifact, samples: Samples, output: Path) -> None:
    """Quantise an ``onnx`` file: see ``calibration.Quantize``.

    Weights become int8 for each output channel, activations uint8 by the lowest and highest value
    that was met, as the tool's own text advises for processors of x86-64.

    Raises:
        InputError: The file is quantised already, or has no operator that the tool quantises.
    """
    kinds = _operators(artifact.path)
    if already := [kind for kind in _QUANTIZED if kind in kinds]:
        raise InputError(
            f"{artifact.path} is quantised already: it has {already[0]} nodes",
            "give the model in float32",
        )
    # It tells the root logger what the caller has settled.
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder, "prepared.onnx")
        # Shapes by ONNX alone: the symbolic way takes SymPy, and says no more of these networks.
        quant_pre_process(artifact.path, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            output,
            _Reader(samples),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    if "QuantizeLinear" not in _operators(output):
        raise InputError(
            f"{artifact.path}: no operator that can be quantised; it has {', '.join(kinds)}",
            "run it in float32",
        )


def _operators(path: Path) -> list[str]:
    """The kinds of operators of a file, each once, in alphabetical order."""
    graph = onnx.load(str(path), load_external_data=False).graph
    return sorted({node.op_type for node in graph.node})
