"""Files out of the archives that packages come in: wheels, npm's tarballs, Debian's packages."""

import contextlib
import gzip
import lzma
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from loadscope.errors import WorkError

_AR_MAGIC, _AR_HEADER = b"!<arch>\n", 60
"""``ar(5)``: what the file begins with, and the bytes before each member."""

_DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError,
    NotImplementedError,
)  # fmt: skip


@contextlib.contextmanager
def opened(archive: Path) -> Iterator["Archive"]:
    """Open an archive for the time of the block.

    Args:
        archive: A wheel or zip file, a ``.tgz`` of npm, or a ``.deb``, by its suffix.

    Raises:
        WorkError: It is damaged, which may show in the block only, or of another kind.
    """
    try:
        with contextlib.ExitStack() as stack:
            if archive.suffix == ".deb":
                yield _Tar(stack.enter_context(_debian_data(archive)), "./")
            elif archive.suffix == ".tgz":
                yield _Tar(stack.enter_context(tarfile.open(archive, "r:*")), "package/")
            else:
                yield _Zip(stack.enter_context(zipfile.ZipFile(archive)))
    except _DAMAGED as error:
        raise WorkError(f"{archive.name} is damaged: {error}", "fetch again") from error


class Archive(ABC):
    """The files of an archive, by their paths in the package, with slashes."""

    @abstractmethod
    def names(self) -> list[str]:
        """The paths of all files."""

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """Open a file.

        Raises:
            KeyError: There is none of that name.
        """


class _Zip(Archive):
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def names(self) -> list[str]:
        return [name for name in self._archive.namelist() if not name.endswith("/")]

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name)


class _Tar(Archive):
    def __init__(self, archive: tarfile.TarFile, prefix: str) -> None:
        self._archive = archive
        self._members = {
            member.name.removeprefix(prefix): member for member in archive if member.isfile()
        }

    def names(self) -> list[str]:
        return list(self._members)

    def open(self, name: str) -> IO[bytes]:
        file = self._archive.extractfile(self._members[name])
        if file is None:
            raise KeyError(name)
        return file


@contextlib.contextmanager
def _debian_data(path: Path) -> Iterator[tarfile.TarFile]:
    """The archive ``data.tar`` in a package of Debian (deb(5))."""
    with path.open("rb") as file:
        if file.read(len(_AR_MAGIC)) != _AR_MAGIC:
            raise tarfile.ReadError("it is no package of Debian")
        while len(header := file.read(_AR_HEADER)) == _AR_HEADER:
            if not header[48:58].strip().isdigit():
                raise tarfile.ReadError("a member's header has no size")
            size = int(header[48:58])
            if header.startswith(b"data.tar"):
                # Members are read one after the other: xz has no way back to an earlier one.
                part: Any = _Part(file, file.tell(), size)
                with tarfile.open(fileobj=part, mode="r:*") as data:
                    yield data
                return
            file.seek(size + size % 2, 1)
    raise tarfile.ReadError("it has no data.tar")


class _Part:
    """A part of a file as a file that can be read and sought."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def read(self, count: int = -1) -> bytes:
        left = self._size - self._at
        self._file.seek(self._start + self._at)
        data = self._file.read(left if count < 0 else min(count, left))
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True
