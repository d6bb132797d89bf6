"""Opening an index whatever its state: one of another version is made again from its sources."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, LoadScopeError
from loadscope.suite.results.index import (
    OutdatedIndexError,
    ResultsIndex,
    beside,
    connect,
    locked,
    remove_database,
    require_index,
)
from loadscope.suite.results.scan import Source, Tally, register, source_at, sources, take_in

_SQLITE = b"SQLite format 3\0"

Notice = Callable[[str], None]
"""Told of what happens that was not asked for, a line each."""


@contextlib.contextmanager
def opened(
    path: Path, notice: Notice = lambda _: None, progress: Progress = lambda *_: None
) -> Iterator[ResultsIndex]:
    """Open an index for as long as the block lasts; it is made if it is not there.

    Raises:
        WorkError: It cannot be made or opened.
    """
    try:
        index = ResultsIndex.open(path)
    except OutdatedIndexError as error:
        notice(f"{path} is of another version ({error}): it is made again from its sources")
        index = _again(path, notice, progress)
    try:
        yield index
    finally:
        index.close()


@contextlib.contextmanager
def asked(path: Path, notice: Notice, progress: Progress) -> Iterator[ResultsIndex]:
    """As ``opened``, of an index that is there.

    Raises:
        InputError: There is none.
    """
    require_index(path)
    with opened(path, notice, progress) as index:
        yield index


def rebuild(index: ResultsIndex, progress: Progress = lambda *_: None) -> Tally:
    """Make an index again from its sources, beside it; then take its place at once.

    Raises:
        WorkError: The disk is full, or it may not be written.
    """
    tally = Tally()
    with index.lock(), beside(index.path) as built:
        _fill(built, sources(index), tally, progress)
        index.take_over(built)
    return tally


def make_again(path: Path, wanted: list[Source], progress: Progress = lambda *_: None) -> Tally:
    """Make an index that is lost or damaged again, beside its place; then put it there.

    Args:
        path: Its file, of which nothing is read.
        wanted: Its sources.
        progress: Told of the runs that are read.

    Raises:
        WorkError: The disk is full, or it may not be written.
    """
    tally = Tally()
    with beside(path) as built:
        _fill(built, wanted, tally, progress)
        with locked(path):
            remove_database(path)
            index = ResultsIndex(path, connect(path))
            try:
                index.take_over(built)
            finally:
                index.close()
    return tally


def is_damaged(error: sqlite3.DatabaseError) -> bool:
    """Whether an error of SQLite says that the file itself is broken."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or (
        # What is not there where the file says that it is.
        code == sqlite3.SQLITE_IOERR_SHORT_READ
    )


def watch(
    index: ResultsIndex, path: Path, told: Callable[[Tally], None], seconds: float, times: int = 0
) -> None:
    """Keep an index in step with a source that grows, until Ctrl-C.

    Args:
        index: The index.
        path: The source.
        told: Called after each look that has found something.
        seconds: Between two looks.
        times: How many looks; 0 for no end.

    Raises:
        InputError: The path is no source.
    """
    said: set[str] = set()
    looks = 0
    while True:
        tally = Tally()
        take_in(index, source_at(path), tally)
        tally.problems = [one for one in tally.problems if one not in said]
        said.update(tally.problems)
        if tally.added or tally.changed or tally.removed or tally.problems:
            told(tally)
        looks += 1
        if times and looks >= times:
            return
        time.sleep(seconds)


def _again(path: Path, notice: Notice, progress: Progress) -> ResultsIndex:
    before = old_sources(path)
    if before is None:
        if not path.read_bytes()[:16].startswith(_SQLITE[: path.stat().st_size]):
            raise InputError(
                f"{path} is no index: it is another file, and is left alone",
                "name a file that is not there yet",
            )
        # A database that was cut or overwritten: nothing can be read of it, or swapped into it.
        remove_database(path)
        index = ResultsIndex.open(path)
        notice(f"{path} was no index: its sources are lost; add them again")
        return index
    tally = Tally()
    with beside(path) as built:
        _fill(built, before, tally, progress)
        index = ResultsIndex(path, connect(path))
        with index.lock():
            index.take_over(built)
    notice(tally.text)
    return index


def old_sources(path: Path) -> list[Source] | None:
    """The sources in an index of another version; None where the file is no database."""
    try:
        with contextlib.closing(connect(path)) as db:
            rows = db.execute("SELECT * FROM source").fetchall()
    except sqlite3.OperationalError:
        return []
    except sqlite3.DatabaseError:
        return None
    told = [dict(row) for row in rows]
    return [Source(Path(row["root"]), row["kind"], row.get("options", "")) for row in told]


def _fill(index: ResultsIndex, wanted: list[Source], tally: Tally, progress: Progress) -> None:
    for source in wanted:
        try:
            # One that is away for a moment, such as a disk, stays a source.
            register(index, source)
            if not source.root.exists():
                raise InputError(f"{source.root} is not there now")
            take_in(index, source, tally, progress)
        except LoadScopeError as error:
            tally.problems.append(error.message)
