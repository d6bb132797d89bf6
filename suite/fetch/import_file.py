"""A model file that the user has, put where a download would have put it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from loadscope.datasets.registry import task
from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.suite.fetch.digest import CHUNK, file_sha256
from loadscope.suite.fetch.files import cached_path
from loadscope.suite.fetch.preprocess_files import needed_files
from loadscope.suite.fetch.reporting import report_bytes
from loadscope.suite.fetch.store import Transfer, ensure
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.suite.models.source import HubSource, PackageSource, WebSource


@dataclass(frozen=True)
class ImportedFile:
    """What became of the user's file.

    Attributes:
        path: Where it is in the cache.
        sha256: Its digest.
        replaced: The digest of another file that was there before; empty where none was.
    """

    path: Path
    sha256: str
    replaced: str = ""


@dataclass(frozen=True)
class _Download:
    """A file of a model, the frameworks that it is for, and what it must be."""

    what: str
    source: WebSource | PackageSource | HubSource
    checksum: Checksum


def place(
    model_id: str,
    entry: ModelEntry,
    frameworks: tuple[str, ...],
    file: Path,
    cache: Path,
    progress: Progress,
) -> ImportedFile:
    """Copy a model's file into the cache, as if it had been downloaded.

    The checksum tells which of the model's files it is. A file that has none takes whatever is
    given, and a second one replaces the first.

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
            f"{model_id}: no downloaded file found"
            + (f" for {', '.join(frameworks)}" if frameworks else ""),
            "leave --from out: the file is built or lies on this machine already",
        )
    try:
        digest = file_sha256(file, progress)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}") from error
    fitting = [each for each in known if each.checksum.accepts(digest)]
    if not fitting:
        wanted = " or ".join(f"{one.checksum} ({one.what})" for one in known)
        raise InputError(
            f"{file} is not a file of {model_id}: expected sha256 {wanted}, got {digest}",
            "get the file again; it may be another version or cut short",
        )
    # What has a checksum is known for certain; the others take anything.
    certain = [each for each in fitting if each.checksum] or fitting
    if len({each.source for each in certain}) > 1:
        raise InputError(
            f"{file} fits several frameworks: {', '.join(each.what for each in certain)}",
            "choose one with --framework",
        )
    return _copy(certain[0], file, digest, cache, progress)


def _downloads(entry: ModelEntry, frameworks: tuple[str, ...]) -> list[_Download]:
    found = []
    chosen = {entry.artifact_for(framework).key for framework in frameworks}
    for name, artifact in entry.artifacts.items():
        if frameworks and name not in chosen:
            continue
        preprocess = entry.artifact_for(name).preprocess
        wanted = [*artifact.downloads(), *needed_files(task(entry.task), preprocess)]
        found += [
            _Download(name, source, checksum)
            for source, checksum in wanted
            if isinstance(source, WebSource | PackageSource | HubSource)
        ]
    return found


def _copy(
    wanted: _Download, file: Path, digest: str, cache: Path, progress: Progress
) -> ImportedFile:
    target = cached_path(wanted.source, cache)
    before = file_sha256(target, progress) if target.is_file() else digest

    def get(part: Path) -> Transfer:
        sha256, total, done = hashlib.sha256(), file.stat().st_size, 0
        with file.open("rb") as given, part.open("wb") as kept:
            while chunk := given.read(CHUNK):
                kept.write(chunk)
                sha256.update(chunk)
                done += len(chunk)
                report_bytes(progress, f"copy {file.name}", done, total)
        return Transfer(sha256.hexdigest())

    ensure(target, Checksum(digest), str(file), get, progress)
    return ImportedFile(target, digest, before if before != digest else "")
