"""The tensors of a file of MNN's."""

from pathlib import Path

from loadscope.sut.mnn.session import Session
from loadscope.sut.signature import FileTensor, Given, Signature, complete, observed, with_given
from loadscope.tensors import Tensors


def read(format: str, path: Path, given: Given) -> Signature:
    """Read the model, and run it on zeros for its outputs, which the file does not describe.

    Raises:
        InputError: MNN cannot read the file, or cannot run it on the sizes that were given.
    """
    session = Session(path, 1, "float32")
    # The file has 1 for a batch size that is free.
    inputs = with_given(
        [FileTensor(name, dtype, _sizes(shape)) for name, (dtype, shape) in _told(session)], given
    )

    def run(batch: Tensors) -> Tensors:
        session.plan({name: array.shape for name, array in batch.items()})
        return session.run(batch, list(session.outputs()))

    if complete(inputs):
        return Signature(inputs, observed(inputs, run))
    names = [FileTensor(name, dtype, None) for name, (dtype, _) in session.outputs().items()]
    return Signature(inputs, tuple(names))


def _told(session: Session) -> list[tuple[str, tuple[str, tuple[int, ...]]]]:
    return list(session.inputs().items())


def _sizes(shape: tuple[int, ...]) -> tuple[int | None, ...]:
    batch, *sizes = (None if size < 0 else size for size in shape)
    return (None if batch == 1 else batch, *sizes)
