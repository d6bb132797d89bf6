"""Questions and passages to windows of tokens, by the rules of the official scripts.

The rules: ``convert_examples_to_features`` of mlcommons/inference, language/bert (from BERT's
run_squad.py): a passage that does not fit is cut into overlapping windows, and a token counts
as the start of an answer only in the window that shows most of its surroundings.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.question_answering.squad_json import Questions
from loadscope.datasets.question_answering.wordpiece_spec import WordPieceSpec
from loadscope.datasets.texts.wordpiece import UncasedWordPiece
from loadscope.errors import InputError

# What the official reader takes for blanks; anything else is part of a word.
_WORD = re.compile("[^ \t\r\n\u202f]+")
_LENGTH_WEIGHT = 0.01  # of a window's length against a token's surroundings


@dataclass(frozen=True)
class Passage:
    """A context in tokens.

    Attributes:
        words: The context cut at blanks.
        ids: Its tokens, int32, shape ``(tokens,)``.
        word: The word that each token belongs to, int64, same shape.
    """

    words: tuple[str, ...]
    ids: NDArray[np.int32]
    word: NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """All samples, row by row.

    Attributes:
        passages: The contexts in tokens.
        asked: The tokens of each question, cut to the limit.
        rows: int64, shape ``(samples, 4)``: question, first token of the context in the
            window, tokens of the context in it, the window's number within its question.
        owners: For each question with more than one window: the window, by number, in which
            each token of the context has most of its surroundings.
    """

    passages: tuple[Passage, ...]
    asked: tuple[NDArray[np.int32], ...]
    rows: NDArray[np.int64]
    owners: dict[int, NDArray[np.int64]]


def make_windows(questions: Questions, spec: WordPieceSpec, wordpiece: UncasedWordPiece) -> Windows:
    """Cut a question set into samples.

    Raises:
        InputError: A passage or a question has no token at all.
    """
    passages = tuple(
        _passage(context, found.ids, found.starts)
        for context, found in zip(
            questions.contexts, wordpiece.encode(questions.contexts), strict=True
        )
    )
    encoded = wordpiece.encode([question.text for question in questions.questions])
    asked = tuple(found.ids[: spec.question] for found in encoded)
    rows: list[tuple[int, int, int, int]] = []
    owners: dict[int, NDArray[np.int64]] = {}
    for number, (question, tokens) in enumerate(zip(questions.questions, asked, strict=True)):
        length = len(passages[question.context].ids)
        if not length or not len(tokens):
            part = "question" if length else "context of the question"
            raise InputError(
                f"the {part} {question.id!r} holds no character that a tokenizer keeps",
                "write it, or remove the entry",
            )
        spans = cut(length, spec.room(len(tokens)), spec.stride)
        rows += [(number, start, size, window) for window, (start, size) in enumerate(spans)]
        if len(spans) > 1:
            owners[number] = owner_of_tokens(spans, length)
    return Windows(passages, asked, np.array(rows, np.int64), owners)


def cut(tokens: int, room: int, stride: int) -> list[tuple[int, int]]:
    """Start and length of each window over a context, in tokens."""
    spans = []
    start = 0
    while start < tokens:
        length = min(tokens - start, room)
        spans.append((start, length))
        if start + length == tokens:
            break
        start += min(length, stride)
    return spans


def owner_of_tokens(spans: list[tuple[int, int]], tokens: int) -> NDArray[np.int64]:
    """The window in which each token has most of its surroundings, int64, shape ``(tokens,)``.

    The measure is the shorter of a token's two sides, plus a hundredth of the window's length;
    the first of equals wins.
    """
    position = np.arange(tokens)
    scores = []
    for start, length in spans:
        before, after = position - start, start + length - 1 - position
        inside = (before >= 0) & (after >= 0)
        score = np.minimum(before, after) + _LENGTH_WEIGHT * length
        scores.append(np.where(inside, score, -np.inf))
    owners: NDArray[np.int64] = np.argmax(np.stack(scores), axis=0)
    return owners


def _passage(context: str, ids: NDArray[np.int32], starts: NDArray[np.int64]) -> Passage:
    found = list(_WORD.finditer(context))
    begins = np.array([word.start() for word in found], np.int64)
    belongs = np.searchsorted(begins, starts, side="right") - 1
    return Passage(tuple(word[0] for word in found), ids, belongs.astype(np.int64))
