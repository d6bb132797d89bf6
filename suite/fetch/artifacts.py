"""From an entry of the manifest to a model file on this machine that a backend can load."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.identity import model_sha256
from loadscope.suite.fetch.build import BuildRequest, build_artifact, built_path
from loadscope.suite.fetch.digest import file_sha256
from loadscope.suite.fetch.files import Fetched, fetch_file, is_cached, require_checksum
from loadscope.suite.fetch.store import cached_digest
from loadscope.suite.models.artifact_entry import ArtifactEntry
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.exporters import exporter
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.suite.models.source import BuildSource, FileSource
from loadscope.sut.backend import Artifact
from loadscope.sut.registry import backend_info


@dataclass(frozen=True)
class Materialised:
    """A model file, ready to be loaded.

    Attributes:
        artifact: What a backend loads.
        sha256: Digest of all files that are loaded (``identity.model_sha256``); empty for a
            backend that loads none.
        source: Where it came from, as the manifest puts it.
        files: The digest of each file by its name, relative to the first one's folder or to the
            folder that is the model.
        verified: Whether the manifest has a checksum of every file, or of what it is built from.
    """

    artifact: Artifact
    sha256: str
    source: str
    files: Mapping[str, str] = field(default_factory=dict)
    verified: bool = True


def require_makers(entry: ModelEntry, framework: str) -> None:
    """Check that what builds a model for a framework is installed, before any work is done.

    Raises:
        InputError: A package is missing; the message has the command that installs it.
    """
    if not entry.artifact_for(framework).has_file:
        return
    for maker in entry.makers(framework):
        source = maker.parsed_source()
        if isinstance(source, BuildSource):
            exporter(source.exporter).versions()


def materialise(
    model_id: str,
    entry: ModelEntry,
    framework: str,
    cache: Path,
    progress: Progress,
    verify: bool = False,
) -> Materialised:
    """Have a model's file for a framework on this machine: fetched, checked, or built.

    Args:
        model_id: The model's id, for messages and the cache.
        entry: The model.
        framework: The framework that is to load it.
        cache: The cache folder.
        progress: Told of long work.
        verify: Read cached files in full, and get them again where they are damaged.

    Raises:
        InputError: The model has no artifact for the framework, a file is not what its
            manifest says, or what a build needs is not installed.
        WorkError: A download or a build failed.
    """
    taken = entry.artifact_for(framework)
    chosen = taken.entry
    if not taken.has_file:
        return without_file(chosen)
    require_makers(entry, framework)
    source = chosen.parsed_source()
    mend = (
        "get the file elsewhere and give it with: "
        f"loadscope fetch {model_id} --framework {framework} --from FILE"
    )
    if entry.stand_in:
        mend += f"; without it, the model '{entry.stand_in}' has the same speed"
    known: dict[Path, str] = {}
    for wanted, checksum in chosen.downloads():
        if isinstance(wanted, FileSource) and _is_folder(wanted.path, framework, chosen.format):
            known[wanted.path] = ""
            continue
        mirrors = chosen.parsed_mirrors() if not known else ()
        fetched = fetch_file(wanted, checksum, cache, progress, mend, verify, mirrors)
        known[fetched.path] = fetched.sha256
    if isinstance(source, BuildSource):
        origin = _origin(known)
        if chosen.made_from is not None:
            made = materialise(model_id, entry, chosen.made_from, cache, progress, verify)
            origin = Fetched(made.artifact.path, made.sha256)
        request = _request(model_id, entry, framework, origin)
        built = build_artifact(request, cache, progress, verify)
        known = {built.path: built.sha256}
    path = next(iter(known))
    files = _files(framework, chosen, path, known, progress)
    sha256 = model_sha256(files)
    if path.is_dir():
        require_checksum(path, sha256, chosen.checksum())
    listed = path.is_dir() or set(files) <= {*chosen.files, path.name}
    verified = entry.verified(framework) and listed
    return Materialised(_artifact(chosen, path), sha256, chosen.source, files, verified)


def without_file(entry: ArtifactEntry) -> Materialised:
    """A model of which nothing is loaded here: its tensors alone."""
    return Materialised(_artifact(entry, Path(), "none"), "", "none")


def in_cache(model_id: str, entry: ModelEntry, framework: str, cache: Path) -> bool:
    """Whether ``materialise`` would neither fetch nor build anything."""
    chosen = entry.artifact_for(framework).entry
    if not all(is_cached(source, checksum, cache) for source, checksum in chosen.downloads()):
        return False
    if not isinstance(chosen.parsed_source(), BuildSource):
        return True
    if chosen.made_from is not None and not in_cache(model_id, entry, chosen.made_from, cache):
        return False
    try:
        require_makers(entry, framework)
    except InputError:
        # What the exporter needs is not installed, so nothing of its making can be matched.
        return False
    origin = None
    if chosen.made_from is not None:
        made = materialise(model_id, entry, chosen.made_from, cache, lambda *_: None)
        origin = Fetched(made.artifact.path, made.sha256)
    elif chosen.base is not None:
        fetched = [fetch_file(*each, cache, lambda *_: None) for each in chosen.downloads()]
        origin = fetched[0]
    target = built_path(_request(model_id, entry, framework, origin), cache)
    return cached_digest(target, Checksum()) is not None


def _is_folder(path: Path, framework: str, format: str) -> bool:
    """Whether a source is a folder, as some formats are."""
    if not path.is_dir():
        return False
    info = backend_info(framework)
    if format not in info.folders:
        raise InputError(
            f"{path}: expected a file, as format {format} is, got a folder",
            "correct source or format in the model's manifest"
            + (f"; folders are: {', '.join(info.folders)}" if info.folders else ""),
        )
    return True


def _origin(known: Mapping[Path, str]) -> Fetched | None:
    return next((Fetched(path, sha256) for path, sha256 in known.items()), None)


def _files(
    framework: str,
    entry: ArtifactEntry,
    path: Path,
    known: Mapping[Path, str],
    progress: Progress,
) -> dict[str, str]:
    """The sha256 of every file that is loaded, by name; of those that are known as they are."""
    folder = path if path.is_dir() else path.parent
    found = {}
    try:
        info = backend_info(framework)
        loaded = [*info.model_files(entry.format, path)]
        if entry.decoder is not None and entry.decoder.encoder is not None:
            loaded += info.model_files(entry.format, path.parent / entry.decoder.encoder.file)
        for file in loaded:
            name = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)
            found[name] = known.get(file) or file_sha256(file, progress)
    except FileNotFoundError as error:
        raise InputError(
            f"{error.filename} not found; {path} keeps weights in it",
            "put it there, or name it under files in the model's manifest, with its sha256",
        ) from error
    except OSError as error:
        raise InputError(f"cannot read {error.filename or path}: {error.strerror}") from error
    return found


def _request(
    model_id: str, entry: ModelEntry, framework: str, origin: Fetched | None
) -> BuildRequest:
    key = entry.artifact_for(framework).key
    maker = exporter(entry.artifacts[key].source.removeprefix("build:"))
    known = build_options(entry, key)
    options = {name: known[name] for name in maker.takes if name in known}
    return BuildRequest(model_id, maker.name, options, origin)


def build_options(entry: ModelEntry, key: str) -> dict[str, str | Sequence[str]]:
    """What a model's entry has to tell an exporter, by the options' names.

    Args:
        entry: The model.
        key: The framework whose artifact is built.

    Returns:
        ``architecture``, ``classes``, ``size`` (of the sample that it is made for), ``seed``,
        ``delta``, ``settings`` (JSON), ``input-name`` and ``output-name``, as far as given.
    """
    artifact = entry.artifacts[key]
    # An export is of the network that it is made from.
    network = entry.artifacts[artifact.made_from or key]
    size = artifact.size or getattr(entry.artifact_for(key).preprocess, "size", None)
    found: dict[str, str | Sequence[str] | None] = {
        "architecture": (artifact.architecture or network.architecture) or None,
        "classes": str(classes) if (classes := entry.classes_for(key)) else None,
        "size": None if size is None else str(size),
        "seed": None if artifact.seed is None else str(artifact.seed),
        "delta": artifact.delta,
        "settings": json.dumps(artifact.settings, sort_keys=True) if artifact.settings else None,
        "input-name": list(artifact.inputs),
        "output-name": list(artifact.outputs),
    }
    return {name: value for name, value in found.items() if value is not None}


def _artifact(entry: ArtifactEntry, path: Path, format: str = "") -> Artifact:
    return Artifact(
        path=path,
        format=format or entry.format,
        inputs=entry.tensors("inputs"),
        outputs=entry.tensors("outputs"),
        layout=entry.layout,
        architecture=entry.architecture,
        options={} if format else dict(entry.options),
        max_batch=entry.max_batch,
        numerics=entry.numerics,
        decoder=entry.decoder.decoder(path) if entry.decoder else None,
    )
