"""The index: one SQLite file over any number of sources, made from them again whenever need be."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock

from loadscope.errors import InputError, WorkError
from loadscope.suite.results.schema import schema, version

VARIABLE = "LOADSCOPE_INDEX"
"""The environment variable that names another index."""
_WAIT_SECONDS = 60.0
_REBUILT = ".rebuilt"


def index_location(given: Path | None = None) -> Path:
    """The index's file: the one given, else the one of ``LOADSCOPE_INDEX``, else the user's."""
    if given is not None:
        return given.absolute()
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return Path(platformdirs.user_data_dir("loadscope", appauthor=False)) / "results.db"


class OutdatedIndexError(Exception):
    """The index is of another version, or no index at all: it has to be made again."""


@dataclass(frozen=True)
class ResultsIndex:
    """An open index.

    Attributes:
        path: Its file.
        db: The connection; without a transaction but in ``writing``.
    """

    path: Path
    db: sqlite3.Connection

    @classmethod
    def open(cls, path: Path) -> "ResultsIndex":
        """Open an index, which is made if it is not there.

        Raises:
            OutdatedIndexError: It is of another version, or the file is no index.
            WorkError: It cannot be made or opened.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            index = cls(path, connect(path))
            index._make()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise _refused(path, error) from error
            raise OutdatedIndexError(str(error)) from error
        except OSError as error:
            raise WorkError(
                f"cannot make the index {path}: {error.strerror}", "name another with --index"
            ) from error
        return index

    def _make(self) -> None:
        (found,) = self.db.execute("PRAGMA user_version").fetchone()
        if found == version():
            return
        with self.lock(), self.writing():
            (found,) = self.db.execute("PRAGMA user_version").fetchone()
            tables = self.db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if found == version():
                return
            if found or tables:
                raise OutdatedIndexError(f"version {found}, this one is {version()}")
            for statement in schema().split(";"):
                self.db.execute(statement)
            self.db.execute(f"PRAGMA user_version = {version()}")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from writing; held for a batch, or for a whole rebuild."""
        with locked(self.path):
            yield

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that is kept whole or not at all.

        Raises:
            WorkError: The disk is full, or the file may not be written.
        """
        try:
            self.db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise _refused(self.path, error) from error
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException as error:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise _refused(self.path, error) from error
            raise

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    def take_over(self, built: "ResultsIndex") -> None:
        """Put another index's content in place of this one's, at once for all who read.

        Raises:
            WorkError: The disk is full, or the file may not be written.
        """
        try:
            built.db.backup(self.db)
        except sqlite3.OperationalError as error:
            raise _refused(self.path, error) from error


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from writing to an index, which need not be there."""
    with FileLock(path.with_name(f"{path.name}.lock")):
        yield


@contextlib.contextmanager
def beside(path: Path) -> Iterator[ResultsIndex]:
    """A new, empty index beside another one, for the time of a rebuild."""
    built = path.with_name(f"{path.name}{_REBUILT}")
    remove_database(built)
    index = ResultsIndex.open(built)
    try:
        yield index
    finally:
        index.close()
        remove_database(built)


def remove_database(path: Path) -> None:
    """Remove an SQLite file with all that belongs to it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def connect(path: Path) -> sqlite3.Connection:
    """Open an SQLite file, as several processes may at once."""
    db = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    # A lost index is made again; what a power cut takes of it is the last batch.
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def require_index(path: Path) -> None:
    """Check that there is an index to ask.

    Raises:
        InputError: There is none.
    """
    if not path.is_file():
        raise InputError(
            f"there is no index at {path}", "make one: loadscope results add FOLDER..."
        )


def _refused(path: Path, error: sqlite3.OperationalError) -> WorkError:
    fix = "free space, or name an index elsewhere with --index"
    if "locked" in str(error):
        fix = "another process writes to it; try again"
    return WorkError(f"cannot use the index {path}: {error}", fix)
