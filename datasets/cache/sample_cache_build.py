"""Building, resuming and mending sample caches."""

import json
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from loadscope.datasets.cache import sample_cache
from loadscope.datasets.cache.disk_space import require_space, writing
from loadscope.datasets.cache.record_workers import (
    RecordFiles,
    RecordMaker,
    RecordSource,
    make_record,
    make_records,
    write_at,
)
from loadscope.datasets.cache.sample_cache import DamagedCacheError, SampleCache
from loadscope.datasets.task import Progress
from loadscope.errors import WorkError
from loadscope.files import replacing, write_json
from loadscope.in_use import keep

_SECONDS_BETWEEN_REPORTS = 0.5


@dataclass(frozen=True)
class Sources:
    """The files that samples are made from.

    Attributes:
        root: The folder that names are relative to.
        names: One for each sample.
        digests: The sha256 of each, in the same order.
    """

    root: Path
    names: Sequence[str]
    digests: Sequence[str]


def prepare_samples(
    cache_root: Path,
    sources: Sources,
    maker: RecordMaker,
    progress: Progress,
    workers: int | None = None,
) -> Path:
    """Give the folder of a finished cache of these samples, building what is not there.

    A build that was stopped, however, goes on where it was; what is damaged is made again; and
    of several processes that want the same cache one builds and the others wait.

    Args:
        cache_root: The suite's cache folder; caches are in ``samples/`` below it.
        sources: The samples.
        maker: Makes a record from a source.
        progress: Told of the work, and of waiting for another process.
        workers: How many processes to build with; None chooses.

    Raises:
        InputError: A source is missing, has changed since its digest was taken, or does not
            decode.
        WorkError: The cache cannot be written, or there is not enough space.
    """
    return _Build(cache_root, sources, maker).run(progress, workers)


def mend_record(cache: SampleCache, record: int, maker: RecordMaker) -> None:
    """Make one damaged record of a finished cache again, from the file it was made from.

    Raises:
        InputError: That file is gone or has changed.
        WorkError: The cache cannot be written, or the record cannot be made as it was.
    """
    try:
        listed = json.loads((cache.folder / sample_cache.SOURCES).read_bytes())
        name, digest = listed["files"][record]
        path = Path(listed["root"], name)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DamagedCacheError(cache.folder, f"record {record} is corrupt") from error
    made = make_record(RecordSource(record, path, digest), maker).data.cast("B")
    if len(made) != cache.record_bytes or zlib.crc32(made) != cache.checksums[record]:
        raise DamagedCacheError(
            cache.folder, f"record {record} is corrupt and {path} does not give it again"
        )
    with writing(cache.records, len(made)), cache.records.open("r+b") as file:
        write_at(file.fileno(), made, record * len(made))


class _Build:
    def __init__(self, cache_root: Path, sources: Sources, maker: RecordMaker) -> None:
        self._sources = sources
        self._maker = maker
        # Records are numbered by the first sample that has them.
        first: dict[str, int] = {}
        for sample, digest in enumerate(sources.digests):
            first.setdefault(digest, sample)
        record = {digest: number for number, digest in enumerate(first)}
        self._first = list(first.values())
        self._rows = np.array([record[digest] for digest in sources.digests], "<u4").tobytes()
        self._material = sample_cache.key_material(
            maker.material(), maker.shape, list(sources.digests), len(first)
        )
        self._folder = cache_root / "samples" / sample_cache.key_of(self._material)
        self._record_bytes = int(np.prod(maker.shape))
        self._files = RecordFiles(
            self._folder / sample_cache.RECORDS,
            self._folder / sample_cache.CHECKSUMS,
            len(first) * (self._record_bytes + 4) + len(self._rows),
        )

    def run(self, progress: Progress, workers: int | None) -> Path:
        keep(self._folder)
        if self._is_finished():
            # The folder may be one that is only to be read from.
            with suppress(WorkError):
                self._list_sources()
            return self._folder
        lock = self._lock()
        self._wait_for(lock, progress)
        try:
            if not self._is_finished():
                self._build(progress, workers)
        finally:
            lock.release()
        return self._folder

    def _is_finished(self) -> bool:
        try:
            SampleCache.open(self._folder)
        except DamagedCacheError:
            return False
        return True

    def _lock(self) -> FileLock:
        with writing(self._folder, self._files.needed):
            self._folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self._folder.with_suffix(".lock"))

    def _wait_for(self, lock: FileLock, progress: Progress) -> None:
        what, total = "waiting for another process to prepare the same samples", len(self._first)
        waited = False
        with writing(Path(lock.lock_file), self._files.needed):
            while True:
                try:
                    lock.acquire(timeout=_SECONDS_BETWEEN_REPORTS if waited else 0)
                    break
                except Timeout:
                    waited = True
                    progress(what, min(int(np.count_nonzero(self._checksums())), total - 1), total)
        if waited:
            progress(what, total, total)

    def _build(self, progress: Progress, workers: int | None) -> None:
        folder, files = self._folder, self._files
        with writing(folder / sample_cache.HEADER, files.needed):
            (folder / sample_cache.HEADER).unlink(missing_ok=True)
        require_space(folder, files.needed - _allocated(files.records, files.checksums))
        for path, size in (
            (files.records, len(self._first) * self._record_bytes),
            (files.checksums, len(self._first) * 4),
        ):
            with writing(path, files.needed):
                _give_size(path, size)
        self._list_sources()
        with replacing(folder / sample_cache.ROWS) as temporary:
            temporary.write_bytes(self._rows)

        missing = self._missing(progress)
        total, before = len(self._first), len(self._first) - len(missing)
        if missing:
            progress("preparing samples", before, total)
            make_records(
                [self._source(record) for record in missing],
                files,
                self._maker,
                lambda what, done, _: progress(what, before + done, total),
                workers,
            )
        for path in (files.records, files.checksums):
            with writing(path, files.needed), path.open("rb") as file:
                os.fsync(file.fileno())
        header = sample_cache.header_of(self._material, self._rows, files.checksums.read_bytes())
        write_json(folder / sample_cache.HEADER, header)

    def _source(self, record: int) -> RecordSource:
        sample = self._first[record]
        path = self._sources.root / self._sources.names[sample]
        return RecordSource(record, path, self._sources.digests[sample])

    def _checksums(self) -> NDArray[np.uint32]:
        try:
            return np.fromfile(self._files.checksums, "<u4").astype(np.uint32)
        except OSError:  # Not there yet.
            return np.zeros(0, np.uint32)

    def _missing(self, progress: Progress) -> list[int]:
        """The records that are not there or do not match their checksums."""
        checksums, total = self._checksums(), len(self._first)
        # A checksum of 0 is that of no record yet; the one in 2**32 that has it is made again.
        claimed = np.flatnonzero(checksums)
        good: set[int] = set()
        what = "checking prepared samples"
        with self._files.records.open("rb") as file:
            for done, record in enumerate(claimed.tolist()):
                if done % 256 == 0:
                    progress(what, done, len(claimed))
                content = os.pread(file.fileno(), self._record_bytes, record * self._record_bytes)
                if zlib.crc32(content) == checksums[record]:
                    good.add(record)
        if len(claimed):
            progress(what, len(claimed), len(claimed))
        return [record for record in range(total) if record not in good]

    def _list_sources(self) -> None:
        """Write which file each record comes from, unless that is what is written already."""
        path = self._folder / sample_cache.SOURCES
        listed: dict[str, Any] = {
            "root": str(self._sources.root.resolve()),
            "files": [
                [self._sources.names[sample], self._sources.digests[sample]]
                for sample in self._first
            ],
        }
        try:
            if json.loads(path.read_bytes()) == listed:
                return
        except (OSError, ValueError):
            pass
        write_json(path, listed)


def _allocated(*paths: Path) -> int:
    """Bytes that files take on disk already (``st_blocks`` counts units of 512)."""
    return sum(path.stat().st_blocks * 512 for path in paths if path.exists())


def _give_size(path: Path, size: int) -> None:
    """Bring a file to its full size with its space set aside, keeping what it holds."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        os.ftruncate(descriptor, min(size, os.fstat(descriptor).st_size))
        os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)
