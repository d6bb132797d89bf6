"""The two files of a model of ncnn's, told without ncnn: its graph as text, and its weights."""

import contextlib
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loadscope.errors import InputError

GRAPH, WEIGHTS = "model.ncnn.param", "model.ncnn.bin"
"""The members of an archive."""
_MAGIC = "7767517"
_MEND = "fetch it again, or correct source and format in the model's manifest"


@dataclass(frozen=True)
class Layer:
    """A line of the graph.

    Attributes:
        type: ncnn's name of the operator.
        name: Its own.
        inputs: The blobs that it takes.
        outputs: The blobs that it makes.
        parameters: Numbers by their ids, as they stand there; a list has an id of -23300 - id.
    """

    type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: dict[int, str]

    def number(self, id: int, default: int = 0) -> int:
        """A parameter that is a whole number."""
        return int(float(self.parameters.get(id, default)))


def weights(path: Path) -> list[Path]:
    """The weights beside a ``.param`` file; none of an archive, which holds both.

    Args:
        path: The file with the graph, or the archive.
    """
    return [] if path.suffix == ".zip" else [path.with_suffix(".bin")]


def layers(text: str, path: Path) -> list[Layer]:
    """Read a graph.

    Args:
        text: The content of a ``.param`` file.
        path: Its file, for messages.

    Raises:
        InputError: It is none.
    """
    magic, _, *lines = [*text.splitlines(), "", ""]
    if magic.strip() != _MAGIC:
        raise InputError(f"ncnn cannot load {path}: it does not begin with {_MAGIC}", _MEND)
    return [_layer(line, path) for line in lines if line.strip()]


def _layer(line: str, path: Path) -> Layer:
    try:
        type, name, count, results, *rest = line.split()
        ends = int(count), int(count) + int(results)
        if len(rest) < ends[1]:
            raise ValueError("too few blobs")
        pairs = (each.partition("=") for each in rest[ends[1] :])
        parameters = {int(id): value for id, _, value in pairs}
    except ValueError as error:
        raise InputError(f"ncnn cannot load {path}: no layer is '{line[:60]}'", _MEND) from error
    return Layer(type, name, tuple(rest[: ends[0]]), tuple(rest[ends[0] : ends[1]]), parameters)


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[tuple[Path, Path]]:
    """The two files of a model, of an archive for as long as the block lasts.

    Raises:
        InputError: The archive or one of them is not there.
    """
    with contextlib.ExitStack() as stack:
        if path.suffix == ".zip":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loadscope-")))
            try:
                with zipfile.ZipFile(path) as archive:
                    archive.extract(GRAPH, folder)
                    archive.extract(WEIGHTS, folder)
            except (OSError, zipfile.BadZipFile, KeyError) as error:
                raise InputError(f"ncnn cannot load {path}: {error}", _MEND) from error
            yield folder / GRAPH, folder / WEIGHTS
            return
        for file in (path, path.with_suffix(".bin")):
            if not file.is_file():
                raise InputError(f"ncnn cannot load {path}: {file.name} not found", _MEND)
        yield path, path.with_suffix(".bin")
