"""From an entry of the manifest to a model file on this machine that a backend can load."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadscope.datasets.protocol import Progress
from loadscope.errors import InputError
from loadscope.suite.artifact_entry import ArtifactEntry
from loadscope.suite.build import BuildRequest, build_artifact, built_path
from loadscope.suite.checksum import Checksum
from loadscope.suite.fetch.files import Fetched, fetch_file, is_cached
from loadscope.suite.fetch.store import cached_digest
from loadscope.suite.model_entry import ModelEntry
from loadscope.suite.source import CONVERTERS, BuildSource
from loadscope.sut.backend import Artifact


@dataclass(frozen=True)
class Materialised:
    """A model file, ready to be loaded.

    Attributes:
        artifact: What a backend loads.
        sha256: Digest of the file; empty for the null backend, which has none.
        source: Where it came from, as the manifest puts it.
    """

    artifact: Artifact
    sha256: str
    source: str


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
    chosen = entry.artifact_for(framework).entry
    if framework not in entry.artifacts:
        return Materialised(_artifact(chosen, Path(), "none"), "", "none")
    source = chosen.parsed_source()
    if not isinstance(source, BuildSource):
        fetched = fetch_file(source, chosen.checksum(), cache, progress, entry.stand_in, verify)
        return Materialised(_artifact(chosen, fetched.path), fetched.sha256, chosen.source)
    origin = None
    if chosen.made_from is not None:
        made = materialise(model_id, entry, chosen.made_from, cache, progress, verify)
        origin = Fetched(made.artifact.path, made.sha256)
    elif (base := chosen.parsed_base()) is not None:
        origin = fetch_file(base, Checksum(chosen.base_sha256), cache, progress, "", verify)
    request = _request(model_id, entry, framework, origin)
    built = build_artifact(request, cache, progress, verify)
    return Materialised(_artifact(chosen, built.path), built.sha256, chosen.source)


def in_cache(model_id: str, entry: ModelEntry, framework: str, cache: Path) -> bool:
    """Whether ``materialise`` would neither fetch nor build anything."""
    chosen = entry.artifact_for(framework).entry
    source = chosen.parsed_source()
    if not isinstance(source, BuildSource):
        return is_cached(source, chosen.checksum(), cache)
    origin = None
    if chosen.made_from is not None:
        if not in_cache(model_id, entry, chosen.made_from, cache):
            return False
        made = materialise(model_id, entry, chosen.made_from, cache, lambda *_: None)
        origin = Fetched(made.artifact.path, made.sha256)
    elif (base := chosen.parsed_base()) is not None:
        checksum = Checksum(chosen.base_sha256)
        if not is_cached(base, checksum, cache):
            return False
        origin = fetch_file(base, checksum, cache, lambda *_: None)
    try:
        target = built_path(_request(model_id, entry, framework, origin), cache)
    except InputError:
        # What the exporter needs is not installed, so nothing of its making can be matched.
        return False
    return cached_digest(target, Checksum()) is not None


def _request(
    model_id: str, entry: ModelEntry, framework: str, origin: Fetched | None
) -> BuildRequest:
    artifact = entry.artifacts[framework]
    exporter = artifact.source.removeprefix("build:")
    if exporter in CONVERTERS:
        return BuildRequest(model_id, exporter, {}, origin)
    is_export = exporter == "onnx"
    network = entry.artifacts[artifact.made_from or framework] if is_export else artifact
    options: dict[str, str | Sequence[str]] = {
        "architecture": network.architecture,
        "classes": str(entry.classes),
        "size": str(entry.artifact_for(framework).preprocess.size),
    }
    if artifact.seed is not None:
        options["seed"] = str(artifact.seed)
    if artifact.delta is not None:
        options["delta"] = artifact.delta
    if is_export:
        options["input-name"] = list(artifact.inputs)
        options["output-name"] = next(iter(artifact.outputs))
    return BuildRequest(model_id, exporter, options, origin)


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
    )
