"""Lay models, data and scripts out in a bundle's folder."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import yaml

from loadscope.datasets.catalog import catalog_entry
from loadscope.datasets.registry import task
from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.rundir.spec import RunSpec
from loadscope.shipped import here_or_shipped
from loadscope.suite.bundle.record import (
    ARTIFACTS,
    DATA,
    DATASETS,
    MANIFEST,
    MODELS,
    SCRIPTS,
    BundledModel,
)
from loadscope.suite.fetch.artifacts import Materialised, materialise
from loadscope.suite.fetch.datasets import dataset_folder, fetch_dataset, meant
from loadscope.suite.fetch.files import cached_path, fetch_file
from loadscope.suite.fetch.preprocess_files import needed_files
from loadscope.suite.fetch.store import stamp_path
from loadscope.suite.models.manifest import manifest_text
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.suite.models.source import BuildSource, FetchedSource, FileSource
from loadscope.suite.run.understood import understand

_OF_BUILDS: dict[str, object] = {
    "base": None, "base_sha256": None, "base_sha256_prefix": None, "made_from": None,
    "delta": None, "seed": None, "settings": {}, "size": None, "mirrors": (),
    "sha256_prefix": None,
}  # fmt: skip
"""What of an artifact's entry tells how it is made, and says nothing of a file that is there."""


def add_model(folder: Path, spec: RunSpec, cache: Path, progress: Progress) -> BundledModel:
    """Lay a model's files out: downloads as the cache has them, what was built beside a manifest.

    Args:
        folder: The bundle's.
        spec: The model, the framework, and what is said of a file; its scenario has no meaning.
        cache: The cache folder.
        progress: Told of long work.

    Raises:
        InputError: Something named is unknown or missing.
        WorkError: A download or a build failed.
    """
    understood = understand(spec, None)
    identity, entry, catalogue = understood.id, understood.entry, understood.catalogue
    framework = spec.framework
    chosen = entry.artifact_for(framework)
    made = materialise(identity, entry, framework, cache, progress)
    for source, checksum in needed_files(task(entry.task), chosen.preprocess):
        fetched = fetch_file(source, checksum, cache, progress)
        _add_cached(folder, source, fetched.path, cache)
    bundled = BundledModel(
        id=identity, run_as=identity, framework=framework, sha256=made.sha256, licence=entry.licence
    )
    if not chosen.has_file:
        return bundled
    built_in = catalogue.origins.get(identity) == catalogue.built_in
    here = isinstance(chosen.entry.parsed_source(), BuildSource | FileSource)
    shipped = getattr(chosen.entry.parsed_source(), "shipped", "")
    if not here:
        for source, checksum in chosen.entry.downloads():
            fetched = fetch_file(source, checksum, cache, progress)
            _add_cached(folder, source, fetched.path, cache)
        if built_in or "/" in identity:
            return bundled
    elif shipped:
        return bundled
    run_as = identity
    if built_in or "/" in identity:
        # The built-in entry would have the model built again.
        run_as = f"{identity.replace('/', '-').casefold()}-bundled"
    changed = entry if not here else _as_files(folder, run_as, entry, framework, made)
    _add_entry(folder, run_as, changed.model_copy(update={"stand_in": ""}), framework)
    return bundled.model_copy(update={"run_as": run_as})


def _as_files(
    folder: Path, name: str, entry: ModelEntry, framework: str, made: Materialised
) -> ModelEntry:
    """An entry whose artifact for a framework is a file of the bundle, which is copied there."""
    chosen = entry.artifact_for(framework)
    place = folder / MODELS / name / framework
    path = made.artifact.path
    changes: dict[str, object] = {**_OF_BUILDS, "source": f"file:{place / path.name}"}
    if path.is_dir():
        shutil.copytree(path, place / path.name)
        changes |= {"sha256": made.sha256, "files": {}}
    else:
        for each in made.files:
            target = place / each
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path.parent / each, target)
        digests = dict(made.files)
        changes |= {"sha256": digests.pop(path.name), "files": digests}
    fields = type(chosen.entry).model_fields
    changes = {key: value for key, value in changes.items() if key in fields}
    artifact = chosen.entry.model_copy(update=changes)
    return entry.model_copy(update={"artifacts": {framework: artifact}})


def _add_entry(folder: Path, name: str, entry: ModelEntry, framework: str) -> None:
    """Add an entry to the bundle's manifest, with sources that start from its folder."""
    key = entry.artifact_for(framework).key
    alone = entry.model_copy(update={"artifacts": {key: entry.artifacts[key]}})
    told = yaml.safe_load(manifest_text(name, alone).replace(f"file:{folder}/", "file:"))
    path = folder / MANIFEST
    if path.exists():
        known = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        if name in known:
            own = {**known[name]["artifacts"], **told["models"][name]["artifacts"]}
            told["models"][name]["artifacts"] = own
        told["models"] = {**known, **told["models"]}
    write_text(path, yaml.safe_dump(told, sort_keys=False, default_flow_style=None))


def _add_cached(folder: Path, source: FetchedSource, path: Path, cache: Path) -> None:
    """Lay a downloaded file out under its path in the cache; its stamp says where it is from."""
    if isinstance(source, FileSource):
        if not source.shipped:
            raise InputError(
                f"{source}: a file of this machine cannot be named in a bundle",
                "give the model's file with --model",
            )
        return
    target = folder / ARTIFACTS / cached_path(source, cache).relative_to(cache / "artifacts")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        shutil.copyfile(stamp_path(path), stamp_path(target))


def add_dataset(
    folder: Path, named: str, files: Iterable[Path], cache: Path, progress: Progress
) -> tuple[str, str]:
    """Lay a data set out.

    Args:
        folder: The bundle's.
        named: An id, or ``ID=FOLDER``.
        files: The user's files of data sets.
        cache: The cache folder.
        progress: Told of a download.

    Returns:
        Its id, and its folder in the bundle; empty for one that comes with LoadScope.

    Raises:
        InputError: It is unknown, cannot be fetched, or one of its id is there already.
    """
    name, path = meant(named, list(files))
    if not name:
        raise InputError(f"--dataset {named}: a folder without an id", f"give ID={named}")
    if any((folder / part / name).exists() for part in (DATA, DATASETS)):
        raise InputError(f"--dataset {named}: '{name}' comes twice", "give one of the two")
    entry = catalog_entry(name, list(files))
    if path is None and entry.path is None:
        made = fetch_dataset(name, cache, progress)
        if entry.shipped():
            return name, ""
        target = folder / DATASETS / name
        _copy_tree(made, target, progress)
        stamp = dataset_folder(name, cache).with_name(f".{name}.stamp.json")
        shutil.copyfile(stamp, target.with_name(stamp.name))
        return name, f"{DATASETS}/{name}"
    where = path or entry.path
    if where is None or not where.is_dir():
        raise InputError(f"data set {name}: {where} not found", "correct its folder")
    _copy_tree(where, folder / DATA / name, progress)
    return name, f"{DATA}/{name}"


def _copy_tree(source: Path, target: Path, progress: Progress) -> None:
    files = sorted(path for path in source.rglob("*") if path.is_file())
    for number, path in enumerate(files, start=1):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
        progress(f"copy {source.name}", number, len(files))


def add_script(folder: Path, named: Path) -> None:
    """Copy a scenario script.

    Raises:
        InputError: It cannot be read, or another one of its name is there already.
    """
    path = here_or_shipped(named)
    target = folder / SCRIPTS / path.name
    if target.exists():
        raise InputError(
            f"--script {named}: another script is called {path.name} too",
            "copy one of the two to another name, or make two bundles",
        )
    target.parent.mkdir(exist_ok=True)
    try:
        shutil.copyfile(path, target)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "correct --script") from error
