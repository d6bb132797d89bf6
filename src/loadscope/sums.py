"""``MANIFEST.sha256``: a line for every file of a folder, as ``sha256sum`` writes and checks it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from loadscope.errors import InputError
from loadscope.files import write_text

FILE = "MANIFEST.sha256"
_AGAIN = "carry it again; it was damaged or changed on the way"


def write_sums(folder: Path) -> None:
    """Write a folder's manifest, of every file but itself."""
    lines = [
        f"{_sha256(folder / name)}  {name}\n" for name in sorted(_names(folder)) if name != FILE
    ]
    write_text(folder / FILE, "".join(lines))


def parse_sums(text: str, where: str) -> dict[str, str]:
    """The digests of a manifest by path.

    Args:
        text: Its contents.
        where: For errors.

    Raises:
        InputError: A line is none, a path leads out of the folder, or comes twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        digest, blank, name = line.partition("  ")
        path = PurePosixPath(name)
        is_digest = len(digest) == 64 and not set(digest) - set("0123456789abcdef")
        if not blank or not is_digest or not name or path.is_absolute() or ".." in path.parts:
            raise InputError(f"{where}: {FILE} line {number}: expected DIGEST  PATH", _AGAIN)
        if name in found:
            raise InputError(f"{where}: {FILE} line {number}: {name} comes twice", _AGAIN)
        found[name] = digest
    return found


def require_sums(folder: Path, where: str) -> int:
    """Check that a folder has exactly the files of its manifest, with their contents.

    Args:
        folder: With the manifest.
        where: What the folder is, for errors.

    Returns:
        How many files there are.

    Raises:
        InputError: A file differs, is missing, or is not listed; or there is no manifest.
    """
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{where}: no readable {FILE}", "give what loadscope bundle wrote"
        ) from error
    listed = parse_sums(text, where)
    there = set(_names(folder)) - {FILE}
    require_listed(there, listed, where)
    for name, digest in listed.items():
        if (found := _sha256(folder / name)) != digest:
            raise differs(where, name, digest, found)
    return len(listed)


def require_listed(there: set[str], listed: dict[str, str], where: str) -> None:
    """Check that what is there is what is listed.

    Raises:
        InputError: A file is missing, or is not listed.
    """
    if missing := sorted(listed.keys() - there):
        raise InputError(f"{where}: {missing[0]} of {FILE} not found", _AGAIN)
    if more := sorted(there - listed.keys()):
        raise InputError(f"{where}: {more[0]} is not in {FILE}", _AGAIN)


def differs(where: str, name: str, expected: str, found: str) -> InputError:
    """The error of a file that is another than the listed one."""
    return InputError(
        f"{where}: {name}: expected sha256 {expected[:16]}… of {FILE}, got {found[:16]}…", _AGAIN
    )


def _names(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if not path.is_dir() or path.is_symlink():
            yield path.relative_to(folder).as_posix()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
