"""A model file that the user has, put where a download would have put it."""

import hashlib
from pathlib import Path

from loadscope.datasets.protocol import Progress
from loadscope.errors import InputError
from loadscope.suite.artifact_entry import ArtifactEntry
from loadscope.suite.fetch.digest import CHUNK, file_sha256
from loadscope.suite.fetch.files import Fetched, cached_path
from loadscope.suite.fetch.reporting import report_bytes
from loadscope.suite.fetch.store import Transfer, ensure
from loadscope.suite.model_entry import ModelEntry
from loadscope.suite.source import WebSource, WheelSource


def place(
    model_id: str,
    entry: ModelEntry,
    frameworks: tuple[str, ...],
    file: Path,
    cache: Path,
    progress: Progress,
) -> Fetched:
    """Copy a model's file into the cache, as if it had been downloaded.

    The checksum tells which of the model's files it is.

    Args:
        model_id: The model's id, for messages.
        entry: The model.
        frameworks: Only their files come into question; all where empty.
        file: What the user has.
        cache: The cache folder.
        progress: Told of long work.

    Raises:
        InputError: The file cannot be read, or is none or more than one of the model's.
        WorkError: The file system refuses.
    """
    known = _downloads(entry, frameworks)
    if not known:
        raise InputError(
            f"{model_id} has no file that is downloaded"
            + (f" for {', '.join(frameworks)}" if frameworks else ""),
            "leave --from out: the file is built or lies on this machine already",
        )
    try:
        digest = file_sha256(file, progress)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}") from error
    fitting = {
        name: artifact for name, artifact in known.items() if artifact.checksum().accepts(digest)
    }
    if not fitting:
        wanted = " or ".join(f"{one.checksum()} ({name})" for name, one in known.items())
        raise InputError(
            f"{file} is not a file of {model_id}: sha256 is {digest}, the manifest says {wanted}",
            "get the file again; it may be another version or cut short",
        )
    if len({artifact.source for artifact in fitting.values()}) > 1:
        raise InputError(
            f"{file} may be the file for any of: {', '.join(fitting)}",
            "say which with --framework",
        )
    return _copy(next(iter(fitting.values())), file, cache, progress)


def _downloads(entry: ModelEntry, frameworks: tuple[str, ...]) -> dict[str, ArtifactEntry]:
    return {
        name: artifact
        for name, artifact in entry.artifacts.items()
        if (not frameworks or name in frameworks)
        and isinstance(artifact.parsed_source(), WebSource | WheelSource)
    }


def _copy(artifact: ArtifactEntry, file: Path, cache: Path, progress: Progress) -> Fetched:
    source = artifact.parsed_source()
    if not isinstance(source, WebSource | WheelSource):
        raise TypeError(f"{source} is not downloaded")
    target = cached_path(source, cache)

    def get(part: Path) -> Transfer:
        sha256, total, done = hashlib.sha256(), file.stat().st_size, 0
        with file.open("rb") as given, part.open("wb") as kept:
            while chunk := given.read(CHUNK):
                kept.write(chunk)
                sha256.update(chunk)
                done += len(chunk)
                report_bytes(progress, f"copy {file.name}", done, total)
        return Transfer(sha256.hexdigest())

    return Fetched(target, ensure(target, artifact.checksum(), str(file), get, progress))
