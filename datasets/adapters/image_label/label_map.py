"""Reading and writing ``val_map.txt``: one image name and its 0-based class a line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from loadscope.datasets.adapters.image_label.labelled import checked
from loadscope.errors import InputError
from loadscope.files import write_text

LABEL_MAP = "val_map.txt"

_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One line of a label map.

    Attributes:
        name: The image's path relative to the image folder, with ``/`` between parts.
        label: Its class, counted from 0.
        line: The line of the file, counted from 1.
    """

    name: str
    label: int
    line: int


def read_label_map(path: Path, classes: int | None, counted_from: int = 0) -> list[LabelledImage]:
    """Read a label map in file order.

    Blank lines, DOS line ends and a byte order mark are accepted.

    Args:
        path: The file, UTF-8.
        classes: Every label must be below this number; None where any may be.
        counted_from: The number that the file gives the first class.

    Raises:
        InputError: The file cannot be read, has no entry, or a line of it is not a name and
            a class, repeats a name, leaves the image folder or is outside the classes.
    """
    images: list[LabelledImage] = []
    lines: dict[str, int] = {}
    for number, text in enumerate(_read(path).split("\n"), start=1):
        fields = text.split()
        if not fields:
            continue
        where = f"{path}:{number}"
        if len(fields) != 2:
            raise InputError(
                f"{where}: {len(fields)} fields instead of an image name and a class",
                "write '<name> <class>', names without blanks",
            )
        name, label = fields
        problem = name_problem(name)
        if problem:
            raise InputError(
                f"{where}: image name {name!r} {problem}", "give a path inside the image folder"
            )
        if name in lines:
            raise InputError(
                f"{where}: image {name!r} is named already on line {lines[name]}",
                "remove one of the two lines",
            )
        lines[name] = number
        images.append(LabelledImage(name, _label(label, classes, where, counted_from), number))
    if not images:
        raise InputError(f"{path} names no image", "write '<name> <class>' lines into it")
    return images


def write_label_map(path: Path, images: Iterable[tuple[str, int]]) -> None:
    """Write ``(name, class)`` pairs as a label map, by rename.

    Raises:
        InputError: A name that could not be read back, a repeated name, a negative class, or
            no image at all.
        WorkError: The file system refuses the write.
    """
    lines: dict[str, str] = {}
    for name, label in images:
        problem = "is not one word" if name.split() != [name] else name_problem(name)
        if problem or name in lines:
            raise InputError(f"image name {name!r} {problem or 'is given twice'}")
        if label < 0:
            raise InputError(f"image {name!r} has the negative class {label}")
        lines[name] = f"{name} {label}\n"
    if not lines:
        raise InputError(f"no image to write into {path}")
    write_text(path, "".join(lines.values()))


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read the label map {path}: {error.strerror}",
            "give a folder with val_map.txt in it",
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: not UTF-8 text", "save the file as UTF-8") from None


def _label(text: str, classes: int | None, where: str, counted_from: int) -> int:
    if not _INTEGER.fullmatch(text):
        raise InputError(f"{where}: class {text!r} is not an integer", "classes count from 0")
    return checked(int(text) - counted_from, classes, where)


def name_problem(name: str) -> str:
    """Why a name cannot stand for an image inside its folder; empty where it can."""
    parts = PurePosixPath(name)
    if "\0" in name:
        return "holds a NUL character"
    if any("\ud800" <= character <= "\udfff" for character in name):
        return "is not Unicode text"
    if name.startswith("\ufeff"):
        return "starts with a byte order mark"
    if parts.is_absolute():
        return "is an absolute path"
    if ".." in parts.parts:
        return "leaves the image folder"
    if str(parts) != name or name == ".":
        return "is not in its shortest form"
    return ""
