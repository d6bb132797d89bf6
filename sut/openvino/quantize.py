"""Static quantisation by NNCF, OpenVINO's own tool, into OpenVINO's format."""

import logging
from pathlib import Path
from typing import Any

import nncf
import openvino

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.calibration import Samples
from loadscope.sut.openvino.backend import give_ranks, read_model

_FAKE = "FakeQuantize"


def quantize(artifact: Artifact, samples: Samples, output: Path) -> None:
    """Quantise an ``onnx`` or ``openvino-ir`` file: see ``calibration.Quantize``.

    Raises:
        InputError: The file is quantised already, cannot be read, or has no operator that NNCF
            quantises.
    """
    model = read_model(openvino.Core(), artifact)
    give_ranks(model, {one.name: (None, *one.shape) for one in artifact.inputs})
    kinds = _operators(model)
    if _FAKE in kinds:
        raise InputError(
            f"{artifact.path} is quantised already: it has {_FAKE} nodes",
            "give the model in float32",
        )
    nncf.set_log_level(logging.ERROR)
    every = list(samples())
    # Activations by their range, not symmetric: what follows no ReLU needs that.
    preset = nncf.QuantizationPreset.MIXED
    dataset = nncf.Dataset(every)
    quantized = nncf.quantize(model, dataset, preset=preset, subset_size=len(every))
    if _FAKE not in _operators(quantized):
        raise InputError(
            f"{artifact.path}: no operator that can be quantised; it has {', '.join(kinds)}",
            "run it in float32",
        )
    openvino.save_model(quantized, output, compress_to_fp16=False)


def _operators(model: Any) -> list[str]:
    """The kinds of operators of a model, each once, in alphabetical order."""
    return sorted({node.get_type_name() for node in model.get_ops()})
