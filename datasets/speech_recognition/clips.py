"""Recordings with their transcripts, as a data set."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from loadscope.datasets.adapters.adapter import Adapter
from loadscope.datasets.adapters.librispeech import LibriSpeech, Utterance
from loadscope.datasets.adapters.manifest import Manifest
from loadscope.datasets.adapters.mlperf_speech import MlperfSpeech
from loadscope.datasets.adapters.rows import table_in
from loadscope.datasets.audio.recording import SUFFIXES, is_recording
from loadscope.datasets.cache.file_digests import file_digests
from loadscope.datasets.selection import selected
from loadscope.datasets.speech_recognition.word_errors import (
    WER,
    WORD_ACCURACY,
    score_transcripts,
)
from loadscope.datasets.task import PLAIN, Answer, Progress, Score
from loadscope.errors import InputError, WorkError

_PARTS = {"audio": ("audio", "path", "file", "audio_filepath"), "text": ("text", "sentence")}
_METRICS = {metric.name: metric for metric in (WER, WORD_ACCURACY)}
_NO_TRANSCRIPTS = "no transcripts"


class Clips:
    """Recordings in a form that an adapter reads, or recordings alone.

    A ``Dataset``. The order of samples is the form's.

    Attributes:
        path: The folder that names are relative to.
        names: The file of each sample, after the limit.
        texts: What is said in each, likewise; empty where there are no transcripts.
        answer_form: Answers are texts.
        unscored: ``no transcripts`` where recordings lie alone.
    """

    answer_form = PLAIN

    def __init__(
        self, path: Path, names: Sequence[str], texts: Sequence[str], full: int, metric: str
    ) -> None:
        self.path = path
        self.names = tuple(names)
        self.texts = tuple(texts)
        self.unscored = "" if texts else _NO_TRANSCRIPTS
        self._full_size = full
        self._metric = _METRICS[metric]
        self._digests: tuple[str, ...] | None = None

    @classmethod
    def read(
        cls, path: Path, limit: int | None, metric: str, form: Adapter | None = None
    ) -> "Clips":
        """Find recordings and transcripts, and check that those to be used are there.

        No recording is opened.

        Args:
            path: The folder; or a table of recordings and texts.
            limit: Take only the first ones.
            metric: What they are scored by.
            form: How they lie in it; without one the forms are tried, and where none fits the
                folder holds recordings alone.

        Raises:
            InputError: The folder, a recording or a transcript is missing or empty, or the limit
                is below 1 or above the number of recordings.
        """
        if not path.exists():
            raise InputError(
                f"there is no data set folder {path}",
                "give a folder of recordings; `loadscope datasets` tells where to get one",
            )
        folder = path if path.is_dir() else path.parent
        found = _utterances(path, form or _form(path))
        total = len(found)
        if limit is not None and not 1 <= limit <= total:
            raise InputError(
                f"a limit of {limit} samples does not fit {path}, which has {total}",
                f"choose 1 to {total}",
            )
        taken = found[:limit]
        names = [_relative(each.audio, folder) for each in taken]
        texts = [each.text for each in taken if each.text]
        return cls(folder, names, texts, total, metric)

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.names)

    def full_size(self) -> int:
        """How many recordings there are without a limit."""
        return self._full_size

    def digests(
        self, cache_root: Path | None = None, progress: Progress | None = None
    ) -> tuple[str, ...]:
        """The sha256 of each sample's recording; see ``file_digests``.

        Raises:
            InputError: A recording cannot be read.
        """
        if self._digests is None:
            self._digests = tuple(file_digests(self.path, self.names, cache_root, progress))
        return self._digests

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over names, transcripts, and the contents of every recording."""
        whole = hashlib.sha256()
        texts = self.texts or ["-"] * len(self)
        digests = self.digests(cache_root, progress)
        for name, text, content in zip(self.names, texts, digests, strict=True):
            whole.update(f"{name} {content} {text}\n".encode("utf-8", "surrogatepass"))
        return whole.hexdigest()

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """Word error rate; see ``score_transcripts``.

        Raises:
            InputError: What compares texts is not installed.
            WorkError: A sample is not answered, or with what is no text; or there are no
                transcripts.
        """
        if self.unscored:
            raise WorkError(f"{self.path}: {self.unscored}, so there is no score")
        if among is None:
            return score_transcripts(answers, self.texts, self._metric, progress)
        chosen = sorted(set(among))
        texts = [self.texts[index] for index in chosen]
        return score_transcripts(selected(answers, chosen), texts, self._metric, progress)


def _form(path: Path) -> Adapter | None:
    """The form of a folder or table; None where recordings lie alone."""
    if path.is_file() or table_in(path):
        return Manifest()
    tried = (LibriSpeech(), MlperfSpeech())
    return next((each for each in tried if each.fits(path)), None)


def _utterances(path: Path, form: Adapter | None) -> Sequence[Utterance]:
    if isinstance(form, LibriSpeech | MlperfSpeech):
        return form.read(path)
    if isinstance(form, Manifest):
        return _rows(path, form)
    files = sorted(each for each in path.rglob("*") if is_recording(each.name))
    if not files:
        raise InputError(
            f"{path}: found neither a table of recordings nor a recording",
            f"give transcripts.tsv (path, text), or files that end in {', '.join(SUFFIXES)}",
        )
    return [Utterance(file, "") for file in files]


def _rows(path: Path, form: Manifest) -> list[Utterance]:
    table, found = form.table(path), []
    for row in form.read(path, _PARTS):
        where, name, text = f"{table}:{row.line}", row.values["audio"], row.values["text"]
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{where}: audio is {name!r}, no file", "correct the row")
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"{where}: {name} has no transcript", "write what is said in it")
        audio = table.parent / name
        if not audio.is_file():
            raise InputError(f"{where}: there is no {audio}", "restore the recording")
        found.append(Utterance(audio, text.strip()))
    return found


def _relative(audio: Path, folder: Path) -> str:
    # A table may name files beside its folder; a path from the root stays one.
    return audio.relative_to(folder).as_posix() if audio.is_relative_to(folder) else str(audio)
