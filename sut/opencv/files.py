"""The files of a Caffe network, told without OpenCV."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadscope.errors import InputError

Message = dict[str, list[Any]]
"""A message of protocol buffers as text: by field all values, each text or a message."""

_TOKEN = re.compile(r'"([^"]*)"|\'([^\']*)\'|([{}:])|([^\s{}:"\'#,;]+)|#[^\n]*')
_SUFFIXES = (".prototxt", ".caffemodel")


@dataclass
class Network:
    """What a ``.prototxt`` says.

    Attributes:
        inputs: Shapes of the inputs by name, the batch first; None where it says none.
        makers: The layer whose result each blob is, the last one where several write to it.
        types: Caffe's type of each layer.
        ends: The blobs that no layer takes, in the order of the file.
    """

    inputs: dict[str, tuple[int, ...] | None] = field(default_factory=dict)
    makers: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    ends: tuple[str, ...] = ()


def weights(path: Path) -> list[Path]:
    """The ``.caffemodel`` beside a ``.prototxt``; none beside an archive of both.

    Args:
        path: The file with the layers.
    """
    if path.suffix != _SUFFIXES[0]:
        return []
    beside = path.with_suffix(_SUFFIXES[1])
    return [beside] if beside.exists() else []


def contents(path: Path) -> tuple[bytes, bytes]:
    """The layers and the weights of a network.

    Args:
        path: A ``.prototxt`` with the ``.caffemodel`` of its name beside it, or a zip archive of
            one of each.

    Raises:
        InputError: One of them is missing or cannot be read.
    """
    fix = "fetch it again, or put X.caffemodel beside X.prototxt"
    try:
        if not zipfile.is_zipfile(path):
            return path.read_bytes(), path.with_suffix(_SUFFIXES[1]).read_bytes()
        with zipfile.ZipFile(path) as archive:
            names = [
                next((name for name in archive.namelist() if name.endswith(suffix)), "")
                for suffix in _SUFFIXES
            ]
            if not all(names):
                raise InputError(f"{path} has no .prototxt with a .caffemodel", fix)
            layers, values = map(archive.read, names)
            return layers, values
    except (OSError, zipfile.BadZipFile) as error:
        what = getattr(error, "filename", None) or path
        raise InputError(f"cannot read {what}: {_reason(error)}", fix) from error


def network(text: bytes, path: Path) -> Network:
    """Read the layers of a ``.prototxt``.

    Args:
        text: Its content.
        path: For messages.

    Raises:
        InputError: It is not of that form, or has no layers.
    """
    try:
        message = _message(_tokens(text.decode("utf-8")))
    except (UnicodeDecodeError, StopIteration, ValueError) as error:
        raise InputError(f"{path} is no .prototxt: {error}", "fetch it again") from error
    found = Network()
    sizes = [_integers(each, "dim") for each in message.get("input_shape", ())]
    if not sizes and "input_dim" in message:
        flat = [int(each) for each in message["input_dim"]]
        sizes = [tuple(flat[at : at + 4]) for at in range(0, len(flat), 4)]
    for at, name in enumerate(message.get("input", ())):
        found.inputs[name] = sizes[at] if at < len(sizes) else None
    taken: set[str] = set()
    for layer in message.get("layer", message.get("layers", [])):
        name, kind = (str(layer.get(key, [""])[0]) for key in ("name", "type"))
        found.types[name] = kind
        tops = [str(each) for each in layer.get("top", ())]
        if kind == "Input":
            shapes = [
                _integers(each, "dim")
                for parameters in layer.get("input_param", ())
                for each in parameters.get("shape", ())
            ]
            for at, top in enumerate(tops):
                found.inputs[top] = shapes[min(at, len(shapes) - 1)] if shapes else None
            continue
        taken.update(str(each) for each in layer.get("bottom", ()) if each not in tops)
        found.makers.update(dict.fromkeys(tops, name))
    if not found.makers:
        raise InputError(f"{path} has no layers", "fetch it again")
    found.ends = tuple(top for top in found.makers if top not in taken)
    return found


def _tokens(text: str) -> Iterator[str]:
    for found in _TOKEN.finditer(text):
        if found.lastindex:
            yield found[found.lastindex]


def _message(tokens: Iterator[str], inner: bool = False) -> Message:
    """Read fields until the end of the text, or of the message."""
    found: Message = {}
    for name in tokens:
        if name == "}":
            if inner:
                return found
            raise ValueError("a brace closes nothing")
        mark = next(tokens)
        value = next(tokens) if mark == ":" else mark
        if value == "{":
            found.setdefault(name, []).append(_message(tokens, inner=True))
        elif mark == ":":
            found.setdefault(name, []).append(value)
        else:
            raise ValueError(f"expected ':' or '{{' after '{name}', got '{mark}'")
    if inner:
        raise ValueError("a brace is not closed")
    return found


def _integers(message: Message, key: str) -> tuple[int, ...]:
    return tuple(int(each) for each in message.get(key, ()))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
