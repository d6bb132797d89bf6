"""Cached files: complete or absent, checked, and fetched once by whoever comes first."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.files import write_json
from loadscope.suite.fetch.digest import file_sha256
from loadscope.suite.models.checksum import Checksum


@dataclass(frozen=True)
class Stamp:
    """What a checked file looked like; while size and time stay, it is not read again.

    Attributes:
        sha256: The digest of its contents.
        size: Bytes.
        mtime_ns: Time of its last change, nanoseconds since the epoch.
        source: Where it came from.
    """

    sha256: str
    size: int
    mtime_ns: int
    source: str

    def fits(self, path: Path) -> bool:
        """Whether the file is there and unchanged as far as size and time tell."""
        try:
            status = path.stat()
        except OSError:
            return False
        return status.st_size == self.size and status.st_mtime_ns == self.mtime_ns


@dataclass(frozen=True)
class Transfer:
    """The result of getting a file once.

    Attributes:
        sha256: The digest of what is now in the partial file.
        resumed: Whether the file began with bytes of an earlier attempt.
    """

    sha256: str
    resumed: bool = False


Get = Callable[[Path], Transfer]
"""Gets a file whole into the given path, which may hold the beginning of it already."""


def stamp_path(target: Path) -> Path:
    """The file that holds a cached file's stamp."""
    return target.with_name(f".{target.name}.stamp.json")


def read_stamp(target: Path) -> Stamp | None:
    """The stamp of a cached file; None where there is none or it cannot be read."""
    try:
        return Stamp(**json.loads(stamp_path(target).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_stamp(target: Path, sha256: str, source: str) -> None:
    """Record that a cached file was checked and had this digest."""
    status = target.stat()
    stamp = Stamp(sha256, status.st_size, status.st_mtime_ns, source)
    write_json(stamp_path(target), asdict(stamp))


def cached_digest(target: Path, checksum: Checksum) -> str | None:
    """The digest of a file that is there, was checked, and has not changed since."""
    stamp = read_stamp(target)
    if stamp is not None and stamp.fits(target) and checksum.accepts(stamp.sha256):
        return stamp.sha256
    return None


@contextlib.contextmanager
def locked(target: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock on a cached file or folder; waits while another process has it.

    Raises:
        WorkError: The lock file cannot be made.
    """
    path = target.with_name(f".{target.name}.lock")
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=1)
        except Timeout:
            waiting = f"wait for another process that makes {target.name}"
            progress(waiting, 0, 1)
            lock.acquire()
            progress(waiting, 1, 1)
    except OSError as error:
        raise WorkError(
            f"cannot write {path}: {error.strerror or error}", "choose another cache folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


def ensure(
    target: Path,
    checksum: Checksum,
    source: str,
    get: Get,
    progress: Progress,
    verify: bool = False,
    keep_first: bool = True,
) -> str:
    """Have ``target`` on this machine with the right contents, getting it at most once.

    Args:
        target: The cached file.
        checksum: What it must be.
        source: Where it comes from, for the stamp and for messages.
        get: Gets it; called under a lock, with the path of a partial file.
        progress: Told of long work.
        verify: Read a file that is there in full instead of trusting its stamp.
        keep_first: Where no checksum is known, hold every later transfer to the first one's.

    Returns:
        Its sha256.

    Raises:
        InputError: What came has another checksum.
        WorkError: The file system refuses.
    """
    if not verify and (digest := cached_digest(target, checksum)):
        return digest
    with locked(target, progress):
        if not verify and (digest := cached_digest(target, checksum)):
            return digest
        known = read_stamp(target)
        first = checksum if checksum or known is None else Checksum(known.sha256)
        if target.is_file():
            digest = file_sha256(target, progress)
            if first.accepts(digest):
                write_stamp(target, digest, source)
                return digest
        expected = first if keep_first else checksum
        return _bring(target, expected, bool(checksum), source, get)


def _bring(target: Path, expected: Checksum, published: bool, source: str, get: Get) -> str:
    part = target.with_name(f".{target.name}.part")
    try:
        transfer = get(part)
        if transfer.resumed and not expected.accepts(transfer.sha256):
            # The beginning was of another file; only a whole transfer can tell.
            part.unlink()
            transfer = get(part)
        if not expected.accepts(transfer.sha256):
            part.unlink()
            raise _differs(target, expected, published, source, transfer.sha256)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
        write_stamp(target, transfer.sha256, source)
    except OSError as error:
        raise WorkError(
            f"cannot write {target}: {error.strerror or error}",
            "free space or move the cache with LOADSCOPE_CACHE",
        ) from error
    return transfer.sha256


def _differs(
    target: Path, expected: Checksum, published: bool, source: str, found: str
) -> InputError:
    if published:
        return InputError(
            f"{source}: expected sha256 {expected} of the manifest, got {found}",
            "the source has changed or the manifest's sha256 is wrong; nothing was kept",
        )
    return InputError(
        f"{source}: expected sha256 {expected} of the first fetch, got {found}",
        f"if the new file is meant, delete {stamp_path(target)} and fetch again",
    )
