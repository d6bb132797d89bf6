"""From what an address names to what lies on the disk; nothing else is ever opened."""

from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException

from loadscope.suite.web.site import Site

_SHOWN = (".json", ".txt", ".log", ".conf", ".config", ".csv", ".yaml")
_MOST_BYTES = 8 * 2**20
_MOST_FILES = 200


@dataclass(frozen=True)
class ShownFile:
    """A file of a run that may be looked at.

    Attributes:
        name: Below the run directory.
        size: Bytes.
    """

    name: str
    size: int


def folder_of(site: Site, uid: str) -> Path:
    """The run directory of an identity, as the index knows it.

    Raises:
        HTTPException: 404 where there is none, or it is not below a source of the index.
    """
    with site.results() as index:
        row = index.db.execute(
            "SELECT run.path, source.root, source.kind FROM run JOIN source ON "
            "source.id = run.source WHERE run.uid = ? AND run.copy = 0",
            (uid,),
        ).fetchone()
        inner = index.path.parent.resolve()
    if row is None:
        raise HTTPException(404, "there is no such run")
    folder = Path(row["path"]).resolve()
    # What an archive held lies beside the index.
    root = inner if row["kind"] == "archive" else Path(row["root"]).resolve()
    if not folder.is_relative_to(root):
        raise HTTPException(404, "there is no such run")
    return folder


def shown_files(folder: Path) -> list[ShownFile]:
    """The text files of a run directory, links and what is too large left out."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix not in _SHOWN or path.is_symlink() or not path.is_file():
            continue
        if not path.resolve().is_relative_to(folder):
            continue
        size = path.stat().st_size
        if size <= _MOST_BYTES:
            found.append(ShownFile(path.relative_to(folder).as_posix(), size))
    return found[:_MOST_FILES]
