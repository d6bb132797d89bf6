"""PyTorch to ONNX, with a dynamic batch axis."""

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch

from loadscope.errors import InputError, WorkError
from loadscope.files import replacing
from loadscope.sut.architectures.bert import POSITIONS, TextNetwork
from loadscope.sut.architectures.dlrm import Dlrm
from loadscope.sut.architectures.llama import Llama
from loadscope.sut.architectures.state_dict import load_network

_OPSET = 18
# The first with Gelu as one operator, which runtimes fuse with the bias before it.
_TEXT_OPSET = 20


def export_onnx(
    architecture: str,
    classes: int,
    size: int,
    state_dict: Path,
    input_names: Sequence[str],
    output_names: Sequence[str],
    output: Path,
) -> None:
    """Write an ONNX file of a network.

    Images are one float32 input ``(batch, channels, size, size)``, scans one of three such sides,
    texts integers ``(batch, length)`` of any length. A decoder has its keys and values among
    inputs and outputs, under its own names.

    The file is checked, holds its weights inside, and has none of the exporter's notes, which
    contain paths of this machine.

    Args:
        architecture: The network, by name.
        classes: The length of its output.
        size: Pixels along a side of its input, or its longest text in tokens.
        state_dict: Its weights.
        input_names: The inputs' names in the file, in the order in which it takes them.
        output_names: The outputs' names in the file, in the order in which it gives them.
        output: The file to write.

    Raises:
        InputError: The weights do not fit the network.
        WorkError: The exporter or the checker refuses.
    """
    network = load_network(architecture, classes, size, state_dict)
    if isinstance(network, Llama):
        _write(_decoder(network), output)
        return
    example, free = _example(network, size)
    if len(input_names) != len(example):
        raise InputError(
            f"the network has {len(example)} input(s), the manifest names {len(input_names)}",
            "correct inputs in the model's manifest",
        )
    opset = _TEXT_OPSET if isinstance(network, TextNetwork) else _OPSET
    shapes = tuple(free for _ in example)
    model = _export(network, example, shapes, opset, input_names, output_names)
    _write(model, output)


def export_program(
    program: Path, input_names: Sequence[str], output_names: Sequence[str], output: Path
) -> None:
    """Write an ONNX file of a program of ``torch.export.save``, with its free axes.

    Args:
        program: The program, a ``.pt2`` archive.
        input_names: The inputs' names in the file, in the order in which it takes them.
        output_names: The outputs' names in the file, likewise.
        output: The file to write.

    Raises:
        InputError: It is no program.
        WorkError: The exporter or the checker refuses.
    """
    try:
        read = torch.export.load(str(program))
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{program} is no program of torch.export: {first}") from error
    _write(_export(read, (), None, _OPSET, input_names, output_names), output)


def _write(model: onnx.ModelProto, output: Path) -> None:
    """Check a model and write it without what its exporter noted."""
    _strip_notes(model)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise WorkError(f"the exported model is not valid ONNX: {error}") from error
    with replacing(output) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))


def _export(
    network: torch.nn.Module | torch.export.ExportedProgram,
    example: tuple[torch.Tensor, ...],
    free: tuple[Any, ...] | None,
    opset: int,
    input_names: Sequence[str],
    output_names: Sequence[str],
) -> onnx.ModelProto:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    said = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(said):
            # The exporter warns of its own internals.
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                network,
                example,
                dynamo=True,
                opset_version=opset,
                input_names=list(input_names),
                output_names=list(output_names),
                dynamic_shapes=free,
                external_data=False,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise WorkError(f"PyTorch cannot export the network: {error}") from error
    if program is None:
        raise WorkError("PyTorch's exporter returned nothing")
    model: onnx.ModelProto = program.model_proto
    return model


def _example(
    network: torch.nn.Module, size: int
) -> tuple[tuple[torch.Tensor, ...], dict[int, Any]]:
    """Inputs to see the network run with, and their axes of any size."""
    # A batch of 2: the exporter would take a 1 for a fixed size.
    batch = torch.export.Dim("batch")
    if isinstance(network, TextNetwork):
        return network.example(), {0: batch, 1: torch.export.Dim("length", max=POSITIONS)}
    if isinstance(network, Dlrm):
        return network.example(), {0: batch}
    # Colour, but for a network that says otherwise.
    channels, axes = getattr(network, "channels", 3), getattr(network, "axes", 2)
    return (torch.zeros(2, channels, *[size] * axes),), {0: batch}


def _decoder(network: Llama) -> onnx.ModelProto:
    """A step of a decoder, for any batch and any numbers of past and new tokens."""
    batch, new = torch.export.Dim("batch"), torch.export.Dim("tokens")
    past, whole = torch.export.Dim.DYNAMIC, torch.export.Dim.DYNAMIC
    tokens = {0: batch, 1: new}
    states = [{0: batch, 2: past} for _ in range(2 * network.shape.layers)]
    # The exporter would take a 1 for a fixed size, and a sum for one that it knows.
    return _export(
        network,
        network.example(past=5, tokens=3),
        (tokens, {0: batch, 1: whole}, tokens, tuple(states)),
        _OPSET,
        network.tensor_inputs,
        network.tensor_outputs,
    )


def _strip_notes(model: onnx.ModelProto) -> None:
    graph = model.graph
    model.doc_string = graph.doc_string = ""
    del graph.value_info[:]
    for item in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del item.metadata_props[:]
        item.doc_string = ""
