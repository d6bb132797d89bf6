"""Sentences with a class each, as a data set."""

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.manifest import Manifest
from loadscope.datasets.selection import selected
from loadscope.datasets.task import PLAIN, Answer, Progress, Score
from loadscope.datasets.text_classification.sentence_spec import SentenceSpec
from loadscope.datasets.text_classification.text_score import ACCURACY, F1, score_texts
from loadscope.datasets.texts.wordpiece import TOKENIZERS_VERSION, UncasedWordPiece
from loadscope.errors import InputError

_PARTS = {"text": ("sentence", "text"), "label": ("label",)}
_METRICS = {metric.name: metric for metric in (ACCURACY, F1)}


class Sentences:
    """The rows of a table: GLUE's ``dev.tsv``, or CSV, JSONL or parquet of the same columns.

    A ``Dataset``. A text may be empty; one that is longer than the window is cut at its end.

    Attributes:
        path: The table.
        sha256: Of its contents.
        spec: How texts are cut.
        texts: Of each sample, after the limit.
        answer_form: Answers are the model's own classes.
        unscored: Empty: every row has a label.
        tokenizer_version: Of what cuts texts.
    """

    answer_form = PLAIN
    unscored = ""
    tokenizer_version = TOKENIZERS_VERSION

    def __init__(
        self,
        path: Path,
        texts: list[str],
        labels: list[int],
        limit: int | None,
        spec: SentenceSpec,
        classes: int,
        metric: str,
    ) -> None:
        self.path = path
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        self.spec = spec
        self.texts = texts[:limit]
        self._labels = np.array(labels[:limit], np.int64)
        self._full_size = len(texts)
        self._classes = classes
        self._metric = _METRICS[metric]
        wordpiece = UncasedWordPiece(spec)
        self._marks = wordpiece.cls, wordpiece.sep
        self._encoded = wordpiece.encode(self.texts)

    @classmethod
    def read(
        cls,
        path: Path,
        limit: int | None,
        classes: int,
        spec: SentenceSpec,
        metric: str = ACCURACY.name,
        form: Manifest | None = None,
    ) -> "Sentences":
        """Read and check a table, and cut its texts into tokens.

        Args:
            path: The table, or its folder.
            limit: Take only the first rows.
            classes: How many the model tells apart.
            spec: How to cut, with the vocabulary in place.
            metric: What it is scored by.
            form: Which table, and which columns.

        Raises:
            InputError: There is no table, a column is missing, a text is none or a label no class
                (the message has the row), the vocabulary is unusable, or the limit is below 1 or
                above the number of rows.
        """
        form = form or Manifest()
        table = form.table(path)
        texts, labels = [], []
        for row in form.read(path, _PARTS):
            where, text = f"{table}:{row.line}", row.values["text"]
            if not isinstance(text, str):
                raise InputError(f"{where}: text is {text!r}, no text", "correct the row")
            texts.append(text)
            labels.append(_label(row.values["label"], where, classes))
        if limit is not None and not 1 <= limit <= len(texts):
            raise InputError(
                f"a limit of {limit} samples does not fit {table}, which has {len(texts)}",
                f"choose 1 to {len(texts)}",
            )
        return cls(table, texts, labels, limit, spec, classes, metric)

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.texts)

    def full_size(self) -> int:
        """How many rows there are without a limit."""
        return self._full_size

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over texts, labels and what the texts were cut with."""
        rows = list(zip(self.texts, self._labels.tolist(), strict=True))
        text = f"{rows} {sorted(self.spec.material().items())}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def sample(self, index: int) -> tuple[NDArray[np.int32], int]:
        """The tokens of a sample with their marks, and how many are of the first segment: all."""
        first, last = self._marks
        ids = self._encoded[index].ids[: self.spec.room]
        tokens = np.concatenate([[first], ids, [last]]).astype(np.int32)
        return tokens, len(tokens)

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """Accuracy or F1; see ``score_texts``.

        Raises:
            WorkError: A sample is not answered, or with what is no class.
        """
        if among is None:
            return score_texts(answers, self._labels, self._metric, self._classes)
        chosen = sorted(set(among))
        kept = selected(answers, chosen)
        return score_texts(kept, self._labels[chosen], self._metric, self._classes)


def _label(value: Any, where: str, classes: int) -> int:
    try:
        label = int(value)
    except (TypeError, ValueError):
        raise InputError(
            f"{where}: label {value!r} is no whole number", "number the classes from 0"
        ) from None
    if not 0 <= label < classes:
        raise InputError(
            f"{where}: label {label} is outside 0..{classes - 1}, the model's classes",
            "correct the row, or take a model of its classes",
        )
    return label
