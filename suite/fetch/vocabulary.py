"""The files that preprocessing takes beside the data set, brought to this machine."""

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from loadscope.datasets.question_answering.wordpiece_spec import WordPieceSpec
from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.suite.fetch.files import FetchedSource, fetch_file
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.source import BuildSource, parse_source

T = TypeVar("T")


def locate(preprocess: T, cache: Path, progress: Progress) -> T:
    """Fetch the vocabulary that preprocessing names, and say where it is.

    Args:
        preprocess: A manifest's settings; those without a vocabulary are given back as they are.
        cache: The cache folder.
        progress: Told of a download.

    Raises:
        InputError: The source or the checksum is wrong.
        WorkError: The download failed or the file system refuses.
    """
    if not isinstance(preprocess, WordPieceSpec):
        return preprocess
    ((source, checksum),) = vocabulary_source(preprocess)
    fetched = fetch_file(source, checksum, cache, progress)
    return replace(preprocess, file=str(fetched.path))


def vocabulary_source(preprocess: Any) -> list[tuple[FetchedSource, Checksum]]:
    """Where preprocessing's vocabulary comes from and what it must be; nothing where it has none.

    Raises:
        InputError: The source cannot be fetched.
    """
    if not isinstance(preprocess, WordPieceSpec):
        return []
    source = parse_source(preprocess.vocabulary)
    if isinstance(source, BuildSource):
        raise InputError(
            f"preprocess.vocabulary: expected https:, pypi: or file:, got {source}",
            "correct the model's manifest",
        )
    return [(source, Checksum(preprocess.sha256))]
