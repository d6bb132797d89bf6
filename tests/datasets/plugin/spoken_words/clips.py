"""A folder of clips with their transcripts, and its score."""

import hashlib
import math
import wave
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.task import Answer, AnswerForm, Progress, Score
from loadscope.errors import InputError, WorkError

TRANSCRIPTS = "transcripts.txt"
ERROR_RATE = ScoreMetric("wer", better="lower", most=math.inf)
"""Word error rate: more words can be wrong than were said."""


class Clips:
    """A ``Dataset``: one clip a sample, the words of its transcript as numbers from 1."""

    answer_form = AnswerForm()
    unscored = ""

    def __init__(self, path: Path, names: tuple[str, ...], words: list[list[int]], full: int):
        self.path, self.names, self.words, self._full = path, names, words, full

    @classmethod
    def read(cls, path: Path, limit: int | None, classes: int) -> "Clips":
        try:
            lines = (path / TRANSCRIPTS).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise InputError(f"cannot read {path / TRANSCRIPTS}: {error.strerror}") from error
        parts = [line.split() for line in lines]
        words = [[int(word) for word in said] for _, *said in parts]
        if any(not 1 <= word < classes for said in words for word in said):
            raise InputError(f"{path / TRANSCRIPTS}: expected words from 1 to {classes - 1}")
        return cls(path, tuple(name for name, *_ in parts)[:limit], words[:limit], len(parts))

    def __len__(self) -> int:
        return len(self.names)

    def full_size(self) -> int:
        return self._full

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        whole = hashlib.sha256(repr(self.words).encode())
        for name in self.names:
            whole.update((self.path / name).read_bytes())
        return whole.hexdigest()

    def waves(self, length: int) -> NDArray[np.float32]:
        """All clips, ``(samples, length)``, filled up with silence."""
        found = np.zeros((len(self), length), "<f4")
        for row, name in zip(found, self.names, strict=True):
            with wave.open(str(self.path / name)) as clip:
                levels = np.frombuffer(clip.readframes(length), "<i2") / 2**15
            row[: len(levels)] = levels
        return found

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        said: dict[int, list[float]] = {}
        for answer in answers:
            said.setdefault(answer.index, np.frombuffer(answer.payload, "<f4").tolist())
        chosen = sorted(range(len(self)) if among is None else among)
        if missing := [index for index in chosen if index not in said]:
            raise WorkError(f"sample {missing[0]} is not answered")
        wrong = sum(distance(said[index], self.words[index]) for index in chosen)
        total = sum(len(self.words[index]) for index in chosen)
        rate = 100 * wrong / total
        counts = {"errors": wrong, "words": total}
        return Score(ERROR_RATE, rate, len(chosen), f"wer={rate:.3f}%", counts)


def distance(said: Sequence[float], expected: Sequence[float]) -> int:
    """The fewest words to insert, remove or replace, Levenshtein's."""
    row = list(range(len(expected) + 1))
    for at, word in enumerate(said, start=1):
        before, row = row, [at]
        for place, other in enumerate(expected, start=1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (word != other)))
    return row[-1]
