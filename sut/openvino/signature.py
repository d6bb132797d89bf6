"""The tensors of an ONNX file or of OpenVINO's own, as OpenVINO sees them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openvino

from loadscope.sut.backend import Artifact
from loadscope.sut.openvino.backend import element_name, give_ranks, read_model
from loadscope.sut.signature import FileTensor, Given, Signature, settled, with_given
from loadscope.tensors import Tensors


def read(format: str, path: Path, given: Given) -> Signature:
    """Read the model; sizes that it leaves open are tried.

    Raises:
        InputError: OpenVINO cannot read the file.
    """
    core = openvino.Core()
    model = read_model(core, Artifact(path, format, (), ()))
    inputs = with_given(_tensors(model.inputs), given)
    give_ranks(model, {one.name: one.shape for one in inputs if one.shape is not None})
    outputs = _tensors(model.outputs)

    def run(batch: Tensors) -> Tensors:
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        found = core.compile_model(model, "CPU", settings)(batch)
        return {one.name: found[at] for at, one in enumerate(outputs)}

    return Signature(inputs, settled(inputs, outputs, run))


def _tensors(ports: Sequence[Any]) -> list[FileTensor]:
    return [
        FileTensor(
            port.get_any_name(),
            element_name(port.get_element_type()),
            _sizes(port.get_partial_shape()),
        )
        for port in ports
    ]


def _sizes(shape: Any) -> tuple[int | None, ...] | None:
    if shape.rank.is_dynamic:
        return None
    return tuple(None if size.is_dynamic else size.get_length() for size in shape)
