"""The tensors of a program that PyTorch saved."""

import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.pytorch.formats import load_exported, load_torchscript
from loadscope.sut.signature import FileTensor, Given, Signature, observed, with_given
from loadscope.tensors import Tensors


def read(format: str, path: Path, given: Given) -> Signature:
    """Load the program; what its file does not say is tried, or asked for.

    Raises:
        InputError: The file is unusable, or sizes of an input are needed.
    """
    artifact = Artifact(path, format, (), ())
    if format == "exported-program":
        return _exported(artifact, given)
    if format == "torchscript":
        return _torchscript(artifact, given)
    raise InputError(
        f"{path}: weights alone do not say the network",
        "save the whole program with torch.export.save or torch.jit.save",
    )


def _exported(artifact: Artifact, given: Given) -> Signature:
    program = load_exported(artifact)
    names = list(program.graph_signature.user_inputs)
    nodes = {node.name: node for node in program.graph.nodes}
    inputs = with_given([_of_value(name, nodes[name].meta["val"]) for name in names], given)
    (end,) = (node for node in program.graph.nodes if node.op == "output")
    user = set(program.graph_signature.user_outputs)
    values = [node.meta["val"] for node in end.args[0] if getattr(node, "name", None) in user]
    structure = program.call_spec.out_spec
    keys = structure.context if structure is not None and structure.type is dict else []
    named = list(keys) if len(keys) == len(values) else _numbered(len(values))
    outputs = [_of_value(name, value) for name, value in zip(named, values, strict=True)]
    return Signature(inputs, tuple(outputs))


def _torchscript(artifact: Artifact, given: Given) -> Signature:
    if zipfile.is_zipfile(artifact.path) and not _is_program(artifact.path):
        raise InputError(
            f"{artifact.path}: weights alone do not say the network",
            "save the whole program with torch.jit.save or torch.export.save",
        )
    module = load_torchscript(artifact)
    # Behind its own 'self'.
    arguments = [one.name for one in module.forward.schema.arguments[1:]]
    known = [FileTensor(name, "", None) for name in arguments]
    inputs = with_given(known, given)
    missing = [one.name for one in inputs if one.shape is None]
    if missing:
        raise InputError(
            f"{artifact.path}: TorchScript does not say the sizes of its input "
            f"'{missing[0]}' ({len(arguments)} input(s): {', '.join(arguments)})",
            f"add --shape {missing[0]}=1,3,224,224, with the sizes that it takes; whole numbers "
            f"as {missing[0]}=1,128:int64",
        )

    def run(batch: Tensors) -> Tensors:
        tensors = [torch.from_numpy(batch[name]) for name in arguments]
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            try:
                found = _named(module(*tensors))
            except RuntimeError as error:
                said = [line for line in str(error).splitlines() if line.strip()]
                raise InputError(
                    f"{artifact.path} does not take zeros of the sizes that are given: "
                    f"{said[-1][:200]}",
                    "correct --shape, with the type where it is not float32: NAME=1,128:int64",
                ) from error
        return {name: value.numpy() for name, value in found.items()}

    return Signature(inputs, observed(inputs, run))


def _is_program(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("constants.pkl") for name in archive.namelist())


def _named(found: Any) -> dict[str, Tensor]:
    """A program's tensors by the names that the backend takes; what is no tensor left out."""
    if hasattr(found, "_asdict"):
        found = found._asdict()
    if not isinstance(found, dict):
        values: Sequence[Any] = list(found) if isinstance(found, (tuple, list)) else [found]
        leading = []
        for value in values:
            if not isinstance(value, Tensor):
                break
            leading.append(value)
        found = dict(zip(_numbered(len(leading)), leading, strict=True))
    return {str(name): value for name, value in found.items() if isinstance(value, Tensor)}


def _numbered(count: int) -> list[str]:
    return ["output"] if count == 1 else [f"output_{at}" for at in range(count)]


def _of_value(name: str, value: Any) -> FileTensor:
    sizes = tuple(size if isinstance(size, int) else None for size in value.shape)
    return FileTensor(name, str(value.dtype).removeprefix("torch."), sizes)
