"""A manifest held against the files that it names, as far as they are on this machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loadscope.errors import InputError, WorkError
from loadscope.paths import cache_location
from loadscope.suite.fetch.artifacts import in_cache, materialise
from loadscope.suite.models.held_against import differences
from loadscope.suite.models.manifest import read_manifest
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.suite.models.source import FileSource
from loadscope.sut.registry import backend_info


@dataclass(frozen=True)
class CheckedArtifact:
    """What was found of one artifact.

    Attributes:
        where: ``models.<id>.artifacts.<framework>``.
        state: ``as its file``, ``differs from its file``, or why it was not held against it.
        faults: What is declared otherwise than the file has it.
    """

    where: str
    state: str
    faults: tuple[str, ...] = ()


def check_manifest(path: Path) -> Iterator[CheckedArtifact]:
    """Check the form of a manifest, then each artifact against its file.

    Raises:
        InputError: It is no manifest; the message has every fault of its form.
    """
    for model_id, entry in read_manifest(path).models.items():
        for framework in entry.artifacts:
            where = f"models.{model_id}.artifacts.{framework}"
            yield _checked(where, model_id, entry, framework)


def _checked(where: str, model_id: str, entry: ModelEntry, framework: str) -> CheckedArtifact:
    artifact, info = entry.artifacts[framework], backend_info(framework)
    source = artifact.parsed_source()
    if isinstance(source, FileSource) and not source.path.exists():
        return CheckedArtifact(where, "not there", (f"source: {source.path}: not found",))
    if not info.installed():
        return CheckedArtifact(where, f"not checked: {info.title} is not installed")
    if not info.signature or artifact.format not in info.files:
        return CheckedArtifact(where, f"not checked: a {artifact.format} tells no tensors")
    cache = cache_location()
    if not isinstance(source, FileSource) and not in_cache(model_id, entry, framework, cache):
        return CheckedArtifact(where, "not checked: its file is not on this machine")
    try:
        there = materialise(model_id, entry, framework, cache, lambda *_: None).artifact.path
        faults = tuple(differences(framework, artifact, there))
    except (InputError, WorkError) as error:
        faults = (error.message,)
    return CheckedArtifact(where, "differs from its file" if faults else "as its file", faults)
