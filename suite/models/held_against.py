"""Declared tensors held against those that a model's file has."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from loadscope.errors import near
from loadscope.shapes import Sizes
from loadscope.suite.models.artifact_entry import ArtifactEntry
from loadscope.sut.backend import TensorInfo
from loadscope.sut.signature import FileTensor
from loadscope.sut.signature_process import read_signature
from loadscope.tensors import ANY_SIZE


def differences(framework: str, entry: ArtifactEntry, path: Path) -> Iterator[str]:
    """Say what an artifact declares otherwise than its file has it, a phrase each.

    Args:
        framework: A framework that loads it, and is installed.
        entry: What is declared.
        path: The file, or the folder of a format that is one.

    Raises:
        InputError: The framework cannot read the file.
        WorkError: Reading it ended without an answer.
    """
    # TorchScript and symbols have no sizes of their own; what is declared stands in for them.
    given = {
        one.name: Sizes((entry.max_batch or 1, *one.shape), one.dtype)
        for one in entry.tensors("inputs")
        if ANY_SIZE not in one.shape
    }
    found = read_signature(framework, entry.format, path, given)
    yield from _side("inputs", entry.tensors("inputs"), found.inputs, entry.max_batch)
    yield from _side("outputs", entry.tensors("outputs"), found.outputs, entry.max_batch)
    for one in found.inputs:
        if one.name not in entry.inputs:
            yield f"inputs: '{one.name}' is missing; the file needs it"


def _said(tensor: TensorInfo, batch: int | None) -> str:
    sizes = ("?" if size == ANY_SIZE else str(size) for size in tensor.shape)
    return f"{tensor.dtype} [{', '.join([str(batch or 'N'), *sizes])}]"


def _side(
    side: str, declared: Sequence[TensorInfo], found: Sequence[FileTensor], batch: int | None
) -> Iterator[str]:
    known = {one.name: one for one in found}
    for tensor in declared:
        there = known.get(tensor.name)
        if there is None:
            hint = near(tensor.name, known)
            yield f"{side}.{tensor.name}: is not in the file. {hint}it has: {', '.join(known)}"
        elif there.dtype != tensor.dtype or not _fits(tensor, there.shape, batch):
            sizes = there.shape
            shown = (
                "any" if sizes is None else ", ".join("?" if n is None else str(n) for n in sizes)
            )
            yield (
                f"{side}.{tensor.name}: declared {_said(tensor, batch)}, "
                f"{there.dtype} [{shown}] in the file"
            )


def _fits(tensor: TensorInfo, sizes: tuple[int | None, ...] | None, batch: int | None) -> bool:
    if sizes is None:
        return True
    declared = (batch, *tensor.shape)
    return len(declared) == len(sizes) and all(
        size is None or size == wanted for wanted, size in zip(declared, sizes, strict=True)
    )
