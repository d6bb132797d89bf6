"""The task of answering questions on a passage, with a part of the passage."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadscope.datasets.question_answering.squad_library import SquadLibrary, TextInput
from loadscope.datasets.question_answering.squad_logits import SpanSpec
from loadscope.datasets.question_answering.squad_logits import postprocess as span_postprocess
from loadscope.datasets.question_answering.wordpiece_spec import WordPieceSpec
from loadscope.datasets.task import (
    AnswerForm,
    Dataset,
    Postprocess,
    Progress,
    SampleLibrary,
)

_PLAIN = AnswerForm()


class QuestionAnswering:
    """SQuAD v1.1-like data sets, F1."""

    name = "question-answering"
    title = "Question answering (F1)"
    metrics: tuple[str, ...] = ("f1",)
    preprocess_type: type[Any] = WordPieceSpec
    postprocess_type: Any = SpanSpec

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
    ) -> Dataset:
        """See ``Squad.read``."""
        # The tokenizer's library is for preparing and scoring, not for the measured process.
        from loadscope.datasets.question_answering.squad import Squad

        if not isinstance(preprocess, WordPieceSpec):
            raise TypeError(f"{self.name} needs a WordPieceSpec, not {type(preprocess).__name__}")
        return Squad.read(path, limit, preprocess)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: WordPieceSpec,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """See ``squad_cache_build.prepare_tokens``."""
        from loadscope.datasets.question_answering.squad import Squad
        from loadscope.datasets.question_answering.squad_cache_build import prepare_tokens

        if not isinstance(dataset, Squad):
            raise TypeError(f"{self.name} reads Squad, not {type(dataset).__name__}")
        return prepare_tokens(dataset, cache_root, progress)

    def library(
        self,
        prepared: Path,
        preprocess: WordPieceSpec,
        inputs: Sequence[TextInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> SquadLibrary:
        """See ``SquadLibrary``; tokens are small as they are."""
        return SquadLibrary(prepared, preprocess, inputs)

    def postprocess(
        self, spec: SpanSpec, library: SampleLibrary, form: AnswerForm = _PLAIN
    ) -> Postprocess:
        """See ``squad_logits.postprocess``."""
        return span_postprocess(spec)
