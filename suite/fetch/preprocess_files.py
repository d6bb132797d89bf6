"""The files that preprocessing takes beside the data set, brought to this machine."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from loadscope.datasets.declared import NeededFile
from loadscope.datasets.task import Progress, Task
from loadscope.errors import InputError
from loadscope.suite.fetch.files import fetch_file
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.source import BuildSource, FetchedSource, parse_source


def locate(kind: Task, preprocess: Any, cache: Path, progress: Progress) -> Any:
    """Fetch the files that preprocessing names, and say where they are.

    Args:
        kind: The task.
        preprocess: A manifest's settings; those without files are given back as they are.
        cache: The cache folder.
        progress: Told of a download.

    Raises:
        InputError: A source or a checksum is wrong.
        WorkError: A download failed or the file system refuses.
    """
    for needed in kind.files(preprocess):
        fetched = fetch_file(_source(needed), _checksum(needed), cache, progress)
        found = {needed.place: str(fetched.path), needed.checksum: fetched.sha256}
        preprocess = replace(preprocess, **found)
    return preprocess


def needed_files(kind: Task, preprocess: Any) -> list[tuple[FetchedSource, Checksum]]:
    """Where the files of preprocessing come from and what they must be.

    Raises:
        InputError: A source cannot be fetched.
    """
    return [(_source(needed), _checksum(needed)) for needed in kind.files(preprocess)]


def _checksum(needed: NeededFile) -> Checksum:
    return Checksum(needed.sha256 or None)


def _source(needed: NeededFile) -> FetchedSource:
    source = parse_source(needed.source)
    if isinstance(source, BuildSource):
        raise InputError(
            f"preprocess.{needed.key}: expected https:, pypi:, deb:, npm:, hub: or file:, "
            f"got {source}",
            "correct the model's manifest",
        )
    return source
