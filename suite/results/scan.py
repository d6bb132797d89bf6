"""Take sources into the index, and keep it in step with them."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, LoadScopeError
from loadscope.suite.results.archive import extract, is_archive
from loadscope.suite.results.found import is_being_written, run_folders, sha256_of, stamp_of
from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.results.marks import FILE, Mark, append_mark, read_marks
from loadscope.suite.results.official import is_published, official_records
from loadscope.suite.results.one_run import find_run
from loadscope.suite.results.row import RunRows, read_rows
from loadscope.suite.results.series import settle, summarise
from loadscope.suite.results.store import Store

_BATCH = 200
"""Runs in a transaction: enough to be quick, few enough that another writer waits a moment."""
_ARCHIVES = "archives"


@dataclass
class Tally:
    """What taking in came to.

    Attributes:
        added, changed, unchanged, removed: Runs.
        waiting: Runs that another process writes; they are taken in when they are finished.
        official: Published results.
        problems: What could not be taken in: a line each.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    waiting: int = 0
    official: int = 0
    problems: list[str] = field(default_factory=list)

    def record(self) -> dict[str, object]:
        """As plain data."""
        return dict(vars(self))

    @property
    def text(self) -> str:
        """A line for people."""
        parts = [
            f"{count:,} {name}"
            for name, count in vars(self).items()
            if isinstance(count, int) and count
        ]
        damaged = [f"{len(self.problems):,} damaged"] if self.problems else []
        return ", ".join([*parts, *damaged]) or "nothing there"


@dataclass(frozen=True)
class Source:
    """Where rows come from.

    Attributes:
        root: The folder, file or archive.
        kind: ``runs``, ``mlcommons`` or ``archive``.
        round: Of a tree of published results that does not tell it.
    """

    root: Path
    kind: str
    round: str = ""


def source_at(path: Path, named: str = "") -> Source:
    """What a path is as a source.

    Raises:
        InputError: It is none.
    """
    root = path.expanduser().absolute()
    if not root.exists():
        raise InputError(f"{path} does not exist", "give folders, archives or summary_results.json")
    if is_published(root):
        return Source(root, "mlcommons", named)
    if root.is_dir():
        return Source(root, "runs")
    if is_archive(root):
        return Source(root, "archive", named)
    raise InputError(
        f"{path} is neither a folder, an archive nor a JSON file",
        "give run directories, folders of them, tar or zip archives, or published results",
    )


def take_in(
    index: ResultsIndex, source: Source, tally: Tally, progress: Progress = lambda *_: None
) -> None:
    """Bring the index in step with a source, which is added if it is new.

    Raises:
        InputError: The source is an archive or a list of results that cannot be read.
        WorkError: The index or the disk refuses.
    """
    home = register(index, source)
    if source.kind == "mlcommons":
        _official(index, home, source.root, source.round, tally)
        return
    folder = source.root
    if source.kind == "archive":
        folder = _extracted(index, home, source.root)
        if is_published(folder):
            _official(index, home, folder, source.round, tally)
            return
    _runs(index, home, folder, tally, progress)
    _marks(index, home, folder)


def mark_run(index: ResultsIndex, named: str, mark: Mark) -> str:
    """Say something of a run: a line beside the runs, and in the index.

    Args:
        index: The index.
        named: The run, as ``find_run`` takes it.
        mark: What is said; its target is filled in.

    Returns:
        The file that the line was added to.

    Raises:
        InputError: There is no such run, or it lies in an archive.
        WorkError: The folder may not be written.
    """
    run = find_run(index, named)
    source = index.db.execute("SELECT * FROM source WHERE id = ?", (run["source"],)).fetchone()
    root = Path(source["root"])
    if not root.is_dir():
        raise InputError(
            f"{root} is an archive: marks lie beside the runs", "unpack it and add the folder"
        )
    append_mark(root, mark.model_copy(update={"target": run["uid"]}))
    _marks(index, str(root), root)
    return str(root / FILE)


def sources(index: ResultsIndex) -> list[Source]:
    """The sources of an index, in the order in which they were added."""
    rows = index.db.execute("SELECT root, kind, options FROM source ORDER BY id")
    return [Source(Path(row["root"]), row["kind"], row["options"]) for row in rows]


def register(index: ResultsIndex, source: Source) -> str:
    """Have an index know a source, and give the root that its rows belong to.

    It is the source's own, or that of one which holds it.

    Sources of runs do not overlap: a folder within one is a part of it, and one around others
    takes them over.
    """
    db, root = index.db, source.root
    with index.lock(), index.writing():
        if source.kind == "runs":
            known = db.execute("SELECT id, root FROM source WHERE kind = 'runs'").fetchall()
            for row in known:
                if root.is_relative_to(row["root"]):
                    return str(row["root"])
            within = [row["id"] for row in known if Path(row["root"]).is_relative_to(root)]
        else:
            within = []
        db.execute(
            "INSERT INTO source(root, kind, label, stamp, options) VALUES(?, ?, ?, '', ?) "
            "ON CONFLICT(root) DO UPDATE SET kind = excluded.kind, options = excluded.options",
            (str(root), source.kind, root.name, source.round),
        )
        home = _id(index, str(root))
        for inner in within:
            for table in ("run", "problem", "note"):
                db.execute(f"UPDATE {table} SET source = ? WHERE source = ?", (home, inner))
            db.execute("DELETE FROM source WHERE id = ?", (inner,))
    return str(root)


def _id(index: ResultsIndex, root: str) -> int:
    row = index.db.execute("SELECT id FROM source WHERE root = ?", (root,)).fetchone()
    if row is None:
        raise InputError(f"{root} was taken out of the index meanwhile", "add it again")
    return int(row["id"])


def _runs(index: ResultsIndex, home: str, folder: Path, tally: Tally, progress: Progress) -> None:
    """Hold the runs in a folder against those of the index, and write down what differs."""
    found = 0

    def advancing() -> Iterator[Path]:
        nonlocal found
        for path in run_folders(folder):
            found += 1
            progress("reading runs", found, 0)
            yield path

    paths = advancing()
    while batch := list(islice(paths, _BATCH)):
        with index.lock():
            _batch(index, home, batch, tally)
    progress("reading runs", max(found, 1), max(found, 1))
    gone = [path for path in _known(index, home, folder) if not (Path(path) / "run.json").is_file()]
    with index.lock(), index.writing():
        touched = {series for path in gone for series in _series_at(index, path)}
        touched |= settle(index.db, Store(index.db).remove(gone))
        summarise(index.db, touched)
    tally.removed += len(gone)


def _known(index: ResultsIndex, home: str, folder: Path) -> Iterator[str]:
    source = _id(index, home)
    for table in ("run", "problem"):
        for row in index.db.execute(f"SELECT path FROM {table} WHERE source = ?", (source,)):
            if Path(row["path"]).is_relative_to(folder):
                yield row["path"]


@dataclass(frozen=True)
class _Read:
    path: str
    stamp: str
    sha256: str = ""
    rows: RunRows | None = None
    problem: str = ""


def _batch(index: ResultsIndex, home: str, paths: list[Path], tally: Tally) -> None:
    read = [one for path in paths if (one := _read(index, path, tally)) is not None]
    if not read:
        return
    db, store = index.db, Store(index.db)
    with index.writing():
        source = _id(index, home)
        touched: set[tuple[int, int]] = set()
        uids: set[str] = set()
        for one in read:
            if one.rows is None and not one.problem:
                db.execute("UPDATE run SET stamp = ? WHERE path = ?", (one.stamp, one.path))
                continue
            touched |= _series_at(index, one.path)
            uids |= store.remove([one.path])
            if one.rows is None:
                store.problem(one.path, source, one.stamp, one.problem)
            else:
                store.add(one.path, source, one.stamp, one.sha256, one.rows)
                uids.add(one.rows.uid)
        touched |= settle(db, uids)
        summarise(db, touched)


def _series_at(index: ResultsIndex, path: str) -> set[tuple[int, int]]:
    rows = index.db.execute("SELECT config, system FROM run WHERE path = ?", (path,))
    return {(row["config"], row["system"]) for row in rows}


def _read(index: ResultsIndex, path: Path, tally: Tally) -> _Read | None:
    """What has to be written of a run directory; None where nothing has."""
    name, db = str(path), index.db
    try:
        known = db.execute("SELECT stamp, sha256 FROM run WHERE path = ?", (name,)).fetchone()
        wrong = db.execute("SELECT stamp, message FROM problem WHERE path = ?", (name,)).fetchone()
        stamp = stamp_of(path)
        if known and known["stamp"] == stamp:
            tally.unchanged += 1
            return None
        if wrong and wrong["stamp"] == stamp:
            tally.problems.append(wrong["message"])
            return None
        if is_being_written(path):
            tally.waiting += 1
            return None
        sha256 = sha256_of(path)
        if known and known["sha256"] == sha256:
            tally.unchanged += 1
            return _Read(name, stamp)
        rows = read_rows(path)
    except (LoadScopeError, OSError, ValueError, RecursionError) as error:
        said = error.message if isinstance(error, LoadScopeError) else str(error)
        message = said if name in said else f"{name}: {said}"
        tally.problems.append(message)
        return _Read(name, _stamp(path), problem=message)
    if known:
        tally.changed += 1
    else:
        tally.added += 1
    return _Read(name, stamp, sha256, rows)


def _stamp(path: Path) -> str:
    try:
        return stamp_of(path)
    except OSError:
        return ""


def _marks(index: ResultsIndex, home: str, folder: Path) -> None:
    """Take in the marks beside the runs of a source, and what they hide."""
    root, db = Path(home) if Path(home).is_dir() else folder, index.db
    marks = [one for place in _beside(index, home, root) for one in read_marks(place)]
    with index.lock(), index.writing():
        source = _id(index, home)
        before = _hiding(index, source)
        db.execute("DELETE FROM note WHERE source = ?", (source,))
        for one in marks:
            db.execute(
                "INSERT OR IGNORE INTO note VALUES(?, ?, ?, ?, ?, ?, ?)",
                (one.id, source, one.kind, one.target, one.author, one.time, one.text),
            )
        changed = {uid for _, uid in before ^ _hiding(index, source)}
        summarise(db, settle(db, changed))


def _beside(index: ResultsIndex, home: str, root: Path) -> list[Path]:
    """The folders that runs of a source lie in, up to its root: each may have been a source."""
    found = {root}
    for path in _known(index, home, root):
        place = Path(path)
        while place not in found and place.is_relative_to(root):
            found.add(place)
            place = place.parent
    return sorted(found)


def _hiding(index: ResultsIndex, source: int) -> set[tuple[str, str]]:
    rows = index.db.execute(
        "SELECT id, target FROM note WHERE source = ? AND kind IN ('hide', 'show')", (source,)
    )
    return {(row["id"], row["target"]) for row in rows}


def _official(index: ResultsIndex, home: str, path: Path, named: str, tally: Tally) -> None:
    records = official_records(path, named)
    with index.lock(), index.writing():
        source = _id(index, home)
        index.db.execute("DELETE FROM official WHERE source = ?", (source,))
        _insert_official(index, source, records)
    tally.official += len(records)
    without = [str(one["location"]) for one in records if one["value"] is None]
    if without:
        tally.problems.append(
            f"{path}: {len(without)} of {len(records)} results have no figure of LoadGen's "
            f"(performance/run_1/mlperf_log_detail.txt), the first one {without[0]}"
        )


def _insert_official(
    index: ResultsIndex, source: int, records: Iterable[dict[str, object]]
) -> None:
    for one in records:
        names = ", ".join(one)
        marks = ", ".join(f":{name}" for name in one)
        index.db.execute(
            f"INSERT OR REPLACE INTO official(source, {names}) VALUES(:source, {marks})",
            {"source": source, **one},
        )


def _extracted(index: ResultsIndex, home: str, archive: Path) -> Path:
    """The folder that an archive's files are in, beside the index."""
    about = archive.stat()
    stamp = json.dumps([str(archive), about.st_size, about.st_mtime_ns])
    name = hashlib.sha256(str(archive).encode()).hexdigest()[:16]
    folder = index.path.parent / _ARCHIVES / name
    with index.lock():
        (before,) = index.db.execute("SELECT stamp FROM source WHERE root = ?", (home,)).fetchone()
        if before == stamp and folder.is_dir():
            return folder
        fresh = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        # What is damaged must not cost what was there.
        extract(archive, fresh)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
        with index.writing():
            index.db.execute("UPDATE source SET stamp = ? WHERE root = ?", (stamp, home))
    return folder
