"""The sha256 of many files, computed in parallel and remembered between runs."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from loadscope.datasets.cache.packed_files import is_packed, packed_digests
from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.files import write_text

_FORMAT = 1
_FILES_A_JOB = 16
# A file changed this recently may change again without its time stamp moving (FAT counts in
# steps of two seconds), so its digest is not remembered.
_SETTLED_AFTER_NS = 2_000_000_000

_Stamp = tuple[int, int, int]
_Index = dict[str, tuple[_Stamp, str]]


def file_digests(
    root: Path,
    names: Sequence[str],
    cache_root: Path | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """The sha256 of each file's contents, in hexadecimal; or of samples that lie in files.

    A file whose path, size, modification time and inode are those of an earlier run is not read
    again; names that are links to one file are read once.

    Args:
        root: The folder that the names are relative to.
        names: The files.
        cache_root: The suite's cache folder, for the memory between runs; None for none.
        progress: Told how many names are done.

    Raises:
        InputError: A file cannot be read.
        WorkError: The memory cannot be written.
    """
    root = root.resolve()
    if names and is_packed(names[0]):
        return packed_digests(
            root, names, lambda done: progress and progress("reading images", done, len(names))
        )
    index_path = cache_root and _index_path(cache_root, root)
    index = _read_index(index_path) if index_path else {}
    digests: dict[str, str] = {}
    todo: dict[tuple[int, int], list[tuple[str, _Stamp]]] = {}
    for name in names:
        try:
            status = (root / name).stat()
        except OSError as error:
            raise _unreadable(root / name, error) from error
        stamp = (status.st_size, status.st_mtime_ns, status.st_ino)
        known = index.get(name)
        if known and known[0] == stamp:
            digests[name] = known[1]
        else:
            todo.setdefault((status.st_dev, status.st_ino), []).append((name, stamp))
    if todo:
        try:
            _compute(root, list(todo.values()), digests, index, len(names), progress)
        finally:
            # Also when interrupted: what was read need not be read again.
            if index_path:
                _write_index(index_path, root, index)
    return [digests[name] for name in names]


def _compute(
    root: Path,
    files: list[list[tuple[str, _Stamp]]],
    digests: dict[str, str],
    index: _Index,
    total: int,
    progress: Progress | None,
) -> None:
    settled = time.time_ns() - _SETTLED_AFTER_NS
    jobs = [files[start : start + _FILES_A_JOB] for start in range(0, len(files), _FILES_A_JOB)]
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    try:
        futures = {
            pool.submit(_read_all, [root / links[0][0] for links in job]): job for job in jobs
        }
        if progress:
            progress("reading images", len(digests), total)
        for future in as_completed(futures):
            for links, digest in zip(futures[future], future.result(), strict=True):
                for name, stamp in links:
                    digests[name] = digest
                    if stamp[1] < settled:
                        index[name] = (stamp, digest)
            if progress:
                progress("reading images", len(digests), total)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read_all(paths: list[Path]) -> list[str]:
    digests = []
    for path in paths:
        try:
            with path.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise _unreadable(path, error) from error
    return digests


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot read {path}: {error.strerror}", "restore the file")


def _index_path(cache_root: Path, root: Path) -> Path:
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
    return cache_root / "digests" / f"{name}.json"


def _read_index(path: Path) -> _Index:
    """What an earlier run left; anything that is not in order counts as not known."""
    try:
        stored = json.loads(path.read_bytes())
        if stored["format"] != _FORMAT:
            return {}
        return {
            name: ((size, changed, inode), str(digest))
            for name, (size, changed, inode, digest) in stored["files"].items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _write_index(path: Path, root: Path, index: _Index) -> None:
    files = {name: [*stamp, digest] for name, (stamp, digest) in index.items()}
    # Compact: an indented list of 50,000 images has half a million lines.
    write_text(path, json.dumps({"format": _FORMAT, "root": str(root), "files": files}))
