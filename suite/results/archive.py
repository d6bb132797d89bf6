"""Archives of run directories, taken apart without trusting them."""

import errno
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tarfile import HeaderError, ReadError
from typing import IO, Any, Self

from loadscope import sums
from loadscope.errors import InputError, WorkError

MOST_BYTES = 20 << 30
MOST_RATIO = 200
"""Logs are compressed to a twentieth; far beyond it lies a bomb."""
MOST_MEMBERS = 1_000_000
_CHUNK = 1 << 20


_PADDING = 64 << 20
"""Bytes that may follow an archive's end; a tape's block is far less."""


class _Strict(tarfile.TarInfo):
    """A member whose damaged header is an error: the library takes it for the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not buf.strip(b"\0"):
                raise  # the mark of the end
            raise ReadError(f"a damaged member: {error}") from error


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    kind: str
    handle: Any


_DAMAGED = (
    tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, NotImplementedError,
    # Of a zip whose members want a password.
    RuntimeError,
)  # fmt: skip


def is_archive(path: Path) -> bool:
    """Whether a file is a tar or zip archive, by what is in it."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def extract(archive: Path, target: Path) -> None:
    """Write an archive's files to a new folder, which appears whole.

    Args:
        archive: A tar, of any compression, or a zip.
        target: The folder; it must not be there.

    Raises:
        InputError: It is damaged, or holds a link, a device, an absolute path, one that leads out
            of it, or far more than its size tells; or its files are not those of its manifest
            (``sums``), if it has one.
        WorkError: The disk is full, or the folder may not be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        # A tar that ends with a zip, as one of packages does, looks like a zip from its end.
        if zipfile.is_zipfile(archive) and not tarfile.is_tarfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                _write(archive, _zipped(zipped), zipped.open, partial)
        else:
            with tarfile.open(archive, tarinfo=_Strict) as tarred:
                _write(archive, _tarred(tarred), tarred.extractfile, partial)
                _require_end(tarred)
        if (partial / sums.FILE).is_file():
            sums.require_sums(partial, str(archive))
        partial.rename(target)
    except _DAMAGED as error:
        raise InputError(f"{archive}: not a whole archive: {error}", "get it again") from error
    except OSError as error:
        # Without a number it is of what decompresses; two members of one name are the archive's.
        if error.errno in (None, errno.EEXIST, errno.EISDIR, errno.ENOTDIR):
            raise InputError(f"{archive}: not a whole archive: {error}", "get it again") from error
        raise WorkError(
            f"cannot write {partial}: {error.strerror or error}", "free space, or use --index"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(archive: Path, members: Iterator[_Member], reader: Any, folder: Path) -> None:
    most = min(MOST_BYTES, MOST_RATIO * archive.stat().st_size + _CHUNK)
    written = 0
    for number, member in enumerate(members):
        _require_harmless(archive, member)
        if number >= MOST_MEMBERS or written + member.size > most:
            raise InputError(
                f"{archive}: holds far more than its size tells, at {member.name}",
                "take it apart yourself if you trust it, and add the folder",
            )
        path = folder / member.name
        if member.kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with reader(member.handle) as source:
            written += _copy(source, path, member.size)


def _require_end(archive: tarfile.TarFile) -> None:
    """Read what follows the last member: padding alone, and the checksum of what compressed it.

    Raises:
        ReadError: It is more.
    """
    left = _PADDING
    while left > 0 and (chunk := archive.fileobj.read(_CHUNK)):
        left -= len(chunk)
        if left <= 0 or chunk.strip(b"\0"):
            raise ReadError("more follows its end")


def _copy(source: IO[bytes], path: Path, size: int) -> int:
    """Copy at most what the archive's own table says of a member."""
    left = size
    with path.open("wb") as target:
        while left and (chunk := source.read(min(_CHUNK, left))):
            target.write(chunk)
            left -= len(chunk)
    return size - left


def _require_harmless(archive: Path, member: _Member) -> None:
    path = PurePosixPath(member.name)
    wrong = ""
    if member.kind not in ("file", "folder"):
        wrong = f"is a {member.kind}"
    elif path.is_absolute() or "\\" in member.name or ".." in path.parts or "\0" in member.name:
        wrong = "leads out of the archive"
    if wrong:
        raise InputError(
            f"{archive}: {member.name!r} {wrong}", "an archive may hold files and folders alone"
        )


def _zipped(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        mode = info.external_attr >> 16
        kind = "folder" if info.is_dir() else "file"
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            kind = "link or device"
        yield _Member(info.filename, info.file_size, kind, info)


def _tarred(archive: tarfile.TarFile) -> Iterator[_Member]:
    for info in archive:
        kind = "folder" if info.isdir() else "file" if info.isreg() else "link or device"
        yield _Member(info.name, info.size, kind, info)
