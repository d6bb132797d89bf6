"""Runs that go on at this moment, whoever has started them; the index takes runs that are over."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException

from loadscope.errors import InputError
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.find import find_runs
from loadscope.rundir.progress import read_progress, utc_now
from loadscope.suite.run.machine import measurements
from loadscope.suite.web.run_folder import folder_of
from loadscope.suite.web.site import Site


@dataclass(frozen=True)
class Running:
    """A run of which a test goes on.

    Attributes:
        uid: Its identity.
        title: Model, framework and scenario.
        folder: Its run directory.
    """

    uid: str
    title: str
    folder: Path


def running(site: Site) -> list[Running]:
    """The runs below a source of the index that measure on this machine now."""
    roots = _roots(site)
    folders = [one.run_dir for one in measurements()]
    return list(_read(one for one in folders if any(map(one.is_relative_to, roots))))


def live_folder(site: Site, uid: str) -> Path:
    """The run directory of an identity, which the index knows or a test is at work in.

    Raises:
        HTTPException: 404 where there is none.
    """
    try:
        return folder_of(site, uid)
    except HTTPException:
        here = [*running(site), *_elsewhere(site)]
        found = next((one.folder for one in here if one.uid == uid), None)
        if found is None:
            raise
        return found


def _elsewhere(site: Site) -> Iterator[Running]:
    """Runs of other machines into the folder of runs, told by their progress."""
    try:
        folders = find_runs([site.runs])
    except InputError:
        return
    for folder in folders:
        now = read_progress(folder)
        if now is not None and not now.stale(utc_now()):
            yield from _read([folder])


def _roots(site: Site) -> list[Path]:
    with site.results() as index:
        rows = index.db.execute("SELECT root FROM source WHERE kind != 'archive'").fetchall()
    return [site.runs.resolve(), *(Path(row["root"]).resolve() for row in rows)]


def _read(folders: Iterable[Path]) -> Iterator[Running]:
    for folder in folders:
        try:
            record = RunDirectory(folder).read()
        except InputError:
            # It is being written, or is none any more.
            continue
        title = f"{record.model.title} {record.spec.framework} {record.scenario}"
        yield Running(str(record.uid), title, folder)
