"""Making records in parallel processes that outlive neither their parent nor a Ctrl-C."""

import hashlib
import math
import multiprocessing
import os
import signal
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.disk_space import writing
from loadscope.datasets.cache.packed_files import read_sample
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.memory import keep_freed_memory

# Below this many records for each, a process takes longer to start than it saves.
_RECORDS_WORTH_A_PROCESS = 64
# Small enough that a Ctrl-C is obeyed and progress is seen at once.
_RECORDS_A_JOB = 8


class RecordMaker(Protocol):
    """Makes a record from a source file's contents; must survive pickling."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of every record."""

    def material(self) -> dict[str, Any]:
        """All that determines a record beside its source, as JSON values."""

    def start_worker(self) -> None:
        """Called once in each worker process."""

    def make(self, contents: bytes, path: Path) -> NDArray[np.uint8]:
        """Make one record.

        Raises:
            InputError: The contents are unusable; the message names ``path``.
        """


@dataclass(frozen=True)
class RecordSource:
    """What a record is made from.

    Attributes:
        record: Its number.
        path: The source file.
        digest: The sha256 that the file must have.
    """

    record: int
    path: Path
    digest: str


@dataclass(frozen=True)
class RecordFiles:
    """Where records go.

    Attributes:
        records: The file of records, of its full size already.
        checksums: The file of their checksums, likewise.
        needed: Bytes that the whole cache takes, for messages.
    """

    records: Path
    checksums: Path
    needed: int


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def make_record(source: RecordSource, maker: RecordMaker) -> NDArray[np.uint8]:
    """Make one record after checking that its source is still what it was.

    Raises:
        InputError: The source is gone, has changed, or does not decode.
    """
    try:
        contents = read_sample(source.path)
    except OSError as error:
        raise InputError(f"cannot read {source.path}: {error.strerror}") from error
    if hashlib.sha256(contents).hexdigest() != source.digest:
        raise InputError(
            f"{source.path} has changed since its checksum was taken",
            "leave the data set alone while it is prepared, and run again",
        )
    return maker.make(contents, source.path)


def make_records(
    sources: Sequence[RecordSource],
    files: RecordFiles,
    maker: RecordMaker,
    progress: Progress,
    workers: int | None = None,
) -> None:
    """Make records and write each, and then its checksum, to its place.

    Args:
        sources: The records to make.
        files: Where they go.
        maker: Makes them.
        progress: Told how many of ``sources`` are done.
        workers: How many processes; by default as many as there are cores and it is worth.

    Raises:
        InputError: A source is unusable. Records that were finished stay.
        WorkError: A write was refused, or a worker process died.
    """
    if workers is None:
        worthwhile = math.ceil(len(sources) / _RECORDS_WORTH_A_PROCESS)
        workers = min(available_cores(), worthwhile)
    jobs = [
        sources[start : start + _RECORDS_A_JOB] for start in range(0, len(sources), _RECORDS_A_JOB)
    ]
    finished = (
        _in_this_process(jobs, files, maker)
        if workers <= 1
        else _in_processes(jobs, files, maker, workers)
    )
    done = 0
    for count in finished:
        done += count
        progress("preparing samples", done, len(sources))


def write_at(file: int, data: memoryview, offset: int) -> None:
    """Write all of ``data`` at ``offset``, however many calls it takes."""
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written


def _in_this_process(
    jobs: Sequence[Sequence[RecordSource]], files: RecordFiles, maker: RecordMaker
) -> Iterator[int]:
    for job in jobs:
        yield _do(job, files, maker)


def _in_processes(
    jobs: Sequence[Sequence[RecordSource]], files: RecordFiles, maker: RecordMaker, workers: int
) -> Iterator[int]:
    pool = ProcessPoolExecutor(
        workers,
        # A forked child would inherit the locks of whatever threads the parent has.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(maker,),
    )
    try:
        with _interrupts_held_back():
            futures = [pool.submit(_do, job, files, maker) for job in jobs]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise WorkError(
            "a process that prepares samples was killed or could not start",
            "run again, if memory was short with fewer workers; what is done is kept"
            " (a script that calls this needs `if __name__ == '__main__':`)",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _do(job: Sequence[RecordSource], files: RecordFiles, maker: RecordMaker) -> int:
    with files.records.open("r+b") as records, files.checksums.open("r+b") as checksums:
        for source in job:
            record = make_record(source, maker).data.cast("B")
            with writing(files.records, files.needed):
                write_at(records.fileno(), record, source.record * len(record))
            checksum = memoryview(struct.pack("<I", zlib.crc32(record)))
            with writing(files.checksums, files.needed):
                write_at(checksums.fileno(), checksum, source.record * 4)
    return len(job)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Delay Ctrl-C while processes start: they inherit the mask and leave Ctrl-C to us."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # Another thread may take the signal, and Python would still raise it in this one, between a
    # process and what it is told.
    main = threading.current_thread() is threading.main_thread()
    held: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: held.append(number)) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if held:
        raise KeyboardInterrupt


def _start_worker(maker: RecordMaker) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_freed_memory()
    maker.start_worker()


def _end_with_parent() -> None:
    # A worker whose parent was killed would wait for its next job for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
