"""Runs as a research object (RO-Crate 1.1), for an archive that outlives this project.

It holds the run directories as they are, and says of each in schema.org's words what ran, on what,
by which command, and what came out: a reader needs nothing of ours to understand it.
"""

import importlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.suite.metrics.registry import metrics
from loadscope.suite.report.export import run_row
from loadscope.suite.report.marks import NOT_VERIFIED
from loadscope.suite.report.wording import verdict
from loadscope.suite.results import digests
from loadscope.suite.results.archive import extract, is_archive
from loadscope.suite.results.found import run_folders
from loadscope.suite.results.tables import write_csv
from loadscope.suite.run.view import RunView, load_run

METADATA = "ro-crate-metadata.json"
_RUNS, _TABLE = "runs", "results.csv"
# What only the machine of the run can use, and what is of no moment.
_LEFT_OUT = shutil.ignore_patterns(".*", "plan.json", "progress.json")


def write_crate(
    target: Path, runs: Sequence[Path], description: str, progress: Progress = lambda *_: None
) -> None:
    """Write runs as a crate.

    Args:
        target: A new folder; with the ending ``.zip`` an archive.
        runs: Run directories.
        description: What they are, for people.
        progress: Told of each run.

    Raises:
        InputError: rocrate is not installed, something is at the target, or a run is corrupt.
        WorkError: The disk refuses.
    """
    try:
        rocrate: Any = importlib.import_module("rocrate.rocrate")
        models: Any = importlib.import_module("rocrate.model.contextentity")
    except ImportError as error:
        raise InputError(
            f"a crate needs rocrate: {error}", "pip install 'loadscope[crate]'"
        ) from error
    if target.exists():
        raise InputError(f"{target} already exists", "choose another --output")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as made:
            folder = Path(made) / target.name
            views = list(_copied(runs, folder / _RUNS, progress))
            rows = [run_row(view) for view in views]
            write_csv(folder / _TABLE, tuple(rows[0]), [_relative(row, folder) for row in rows])
            crate = rocrate.ROCrate()
            crate.name, crate.description = f"{len(views)} LoadScope runs", description
            crate.root_dataset["license"] = sorted({view.model.licence or "unknown"
                                                    for view in views})  # fmt: skip
            crate.add_file(folder / _TABLE, _TABLE, properties={"encodingFormat": "text/csv"})
            for view in views:
                _describe(crate, models.ContextEntity, view, folder)
            _finish(crate, folder, target)
    except OSError as error:
        raise WorkError(
            f"cannot write {target}: {error.strerror or error}", "free space, or choose another"
        ) from error


def read_crate(crate: Path, target: Path) -> list[Path]:
    """Bring the runs of a crate into a folder.

    Args:
        crate: The folder or the archive of a crate.
        target: The new folder of the runs.

    Returns:
        The run directories, which are the same as those that went in.

    Raises:
        InputError: It is no crate, holds no run, or what an archive must not.
        WorkError: The disk refuses.
    """
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is not a folder", "choose another --output")
    if target.exists() and any(target.iterdir()):
        raise InputError(f"{target} is not empty", "choose another --output")
    if not crate.exists():
        raise InputError(f"{crate} does not exist", "give the folder or zip of a crate")
    with tempfile.TemporaryDirectory(prefix=".crate.", dir=_parent(target)) as made:
        folder = crate
        if crate.is_file():
            if not is_archive(crate):
                raise InputError(f"{crate} is no archive", "give the folder or zip of a crate")
            folder = Path(made) / "crate"
            extract(crate, folder)
        if not (folder / METADATA).is_file():
            raise InputError(f"{crate}: {METADATA} not found", "give the folder or zip of a crate")
        found = list(run_folders(folder / _RUNS))
        if not found:
            raise InputError(
                f"{crate}: no run in it", "write one: loadscope results export --format rocrate"
            )
        return list(_taken(found, folder / _RUNS, target))


def _parent(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.parent


def _taken(found: Iterable[Path], root: Path, target: Path) -> Iterator[Path]:
    for run in found:
        place = target / run.relative_to(root)
        # A folder may hold links, which lead anywhere: they are not followed.
        shutil.copytree(run, place, symlinks=True, ignore=_links)
        yield place


def _links(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_symlink()]


def _copied(runs: Sequence[Path], folder: Path, progress: Progress) -> Iterator[RunView]:
    names: dict[str, int] = {}
    for done, run in enumerate(runs, start=1):
        count = names[run.name] = names.get(run.name, 0) + 1
        place = folder / (run.name if count == 1 else f"{run.name}-{count}")
        shutil.copytree(run, place, ignore=_LEFT_OUT)
        yield load_run(place)
        progress("writing runs", done, len(runs))


def _relative(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    return {**row, "path": os.path.relpath(str(row["path"]), folder)}


def _describe(crate: Any, entity: Any, view: RunView, folder: Path) -> None:
    """What a run is: a dataset that an action has made, with its instrument and its figures."""
    place = f"{view.path.relative_to(folder)}/"
    record = view.record
    system = crate.add(entity(crate, f"#system-{digests.system(record).value}", properties={
        "@type": "Thing", "name": view.host.processor or view.host.machine,
        "description": digests.system(record).json,
    }))  # fmt: skip
    software = [
        crate.add(entity(crate, f"#{name}-{version}", properties={
            "@type": "SoftwareApplication", "name": name, "softwareVersion": version,
        }))
        for name, version in view.versions.items()
    ]  # fmt: skip
    inputs = [
        crate.add(entity(crate, f"#model-{view.model.sha256 or view.model.id}", properties={
            "@type": "CreativeWork", "name": view.model.title, "identifier": view.model.id,
            "sha256": view.model.sha256 or "", "license": view.model.licence or "unknown",
            "isBasedOn": view.model.source or "",
        })),
        crate.add(entity(crate, f"#data-{view.data.digest}", properties={
            "@type": "Dataset", "name": f"{view.data.samples} samples",
            "identifier": view.data.digest or "",
        })),
    ]  # fmt: skip
    values = [
        crate.add(entity(crate, f"#{record.uid}-{metric.name}", properties={
            "@type": "PropertyValue", "name": metric.name, "value": value, "unitText": metric.unit,
        }))
        for metric in metrics() if (value := metric.of(view)) is not None
    ]  # fmt: skip
    result = crate.add_directory(view.path, place, properties={
        "name": view.run_id, "identifier": str(record.uid), "dateCreated": view.created,
        "description": f"{verdict(view).text}. {'; '.join(view.rehearsal)} {NOT_VERIFIED}".strip(),
    })  # fmt: skip
    result["variableMeasured"] = values
    action = crate.add(entity(crate, f"#run-{record.uid}", properties={
        "@type": "CreateAction", "name": f"{view.model.id} {view.system} {view.scenario}",
        "description": record.command, "startTime": view.created,
    }))  # fmt: skip
    action["instrument"], action["object"], action["result"] = [*software, system], inputs, result


def _finish(crate: Any, folder: Path, target: Path) -> None:
    metadata = folder.with_name(f"{uuid4()}")
    crate.write(metadata)
    if target.suffix == ".zip":
        packed = shutil.make_archive(str(folder.with_name("packed")), "zip", metadata)
        Path(packed).replace(target)
    else:
        metadata.replace(target)
