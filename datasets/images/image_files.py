"""The image files of a folder, and whether those that a data set names can be read."""

import os
import stat
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import NoReturn

from loadscope.errors import InputError

SUFFIXES = frozenset({".jpeg", ".jpg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""Of the formats that ``image_decode`` reads, in lower case."""


def require_images(
    folder: Path, names: Sequence[str], where: Callable[[int], str], fix: str
) -> None:
    """Check that every image is there and may be read; none is opened.

    Args:
        folder: What the names are relative to.
        names: Of the images, with ``/`` between parts.
        where: What names the image of a position, for the message.
        fix: What to do about an image that is not usable.

    Raises:
        InputError: One is missing, empty or unreadable; the message has the first one's name and
            the number of all, and says so where a file has that name in another Unicode form or
            in letters of another case.
    """
    problems = [(at, name) for at, name in enumerate(names) if file_problem(folder / name)]
    if not problems:
        return
    at, name = problems[0]
    problem = file_problem(folder / name)
    written = _as_written(folder, name)
    if written is not None:
        problem += f": {_difference(name, written)}"
        fix = "give the file and the entry that names it the same name"
    raise InputError(
        f"{where(at)}: image {folder / name} {problem} (unusable images in all: {len(problems)})",
        fix,
    )


def folders_and_images(folder: Path) -> tuple[list[str], list[str]]:
    """The names of a folder's folders and images, each sorted; hidden ones are left out.

    Raises:
        InputError: The folder cannot be read.
    """
    try:
        kept = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        refuse_folder(error)
    folders = [name for name in kept if (folder / name).is_dir()]
    return folders, [name for name in kept if is_image(name) and name not in folders]


def is_image(name: str) -> bool:
    """Whether a file's name is that of an image; hidden files are none."""
    return not name.startswith(".") and PurePath(name).suffix.lower() in SUFFIXES


def refuse_folder(error: OSError) -> NoReturn:
    """Say that a folder cannot be read.

    Raises:
        InputError: Always.
    """
    raise InputError(
        f"cannot read the folder {error.filename}: {error.strerror}", "make it readable"
    ) from error


def file_problem(path: Path) -> str:
    """Why a file cannot be used, in words that follow its name; empty where it can be.

    The file is not opened.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not stat.S_ISREG(status.st_mode):
        return "is not a file"
    if not status.st_size:
        return "is empty (0 bytes)"
    return "" if os.access(path, os.R_OK) else "cannot be read: permission denied"


def _as_written(folder: Path, name: str) -> str | None:
    """The name of the file that was meant, where only its form or case is another."""
    found: list[str] = []
    for part in PurePosixPath(name).parts:
        here = folder.joinpath(*found)
        if (here / part).exists():
            found.append(part)
            continue
        try:
            others = sorted(path.name for path in here.iterdir())
        except OSError:
            return None
        near = [other for other in others if _folded(other) == _folded(part)]
        if not near:
            return None
        found.append(near[0])
    written = "/".join(found)
    return None if written == name else written


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _difference(name: str, written: str) -> str:
    forms = [
        next((form for form in ("NFC", "NFD") if unicodedata.is_normalized(form, text)), "mixed")
        for text in (written, name)
    ]
    if unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", written):
        return f"the file's name is in Unicode form {forms[0]}, the data set names it in {forms[1]}"
    return f"there is {written!r}, in letters of another case"
