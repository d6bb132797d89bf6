"""The best answer of every question from start and end scores, many windows at a time.

The rules are those of the official scripts: of each window the 20 best starts and 20 best ends
are paired; a pair must lie in the context, start where its token has most of its surroundings,
and be at most 30 tokens long; the pair with the highest sum is the answer. Of equals the
better-ranked start, then end, then the earlier window wins.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.question_answering.squad_windows import Windows
from loadscope.datasets.task import Progress

BEST = 20
LONGEST_ANSWER = 30
# Bounds the memory for pairs: 512 windows x 400 pairs x 8 bytes.
_AT_A_TIME = 512


@dataclass(frozen=True)
class Spans:
    """The best pair of each sample.

    Attributes:
        score: Sum of start and end scores, -inf where no pair is allowed, float64,
            shape ``(samples,)``.
        first: First token of the answer within the passage, int64, same shape.
        last: Its last token, likewise.
    """

    score: NDArray[np.float64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def best_spans(windows: Windows, logits: NDArray[np.float32], progress: Progress) -> Spans:
    """Find the best pair of each sample.

    Args:
        windows: The samples; as many rows as ``logits`` has.
        logits: Start and end scores, ``(samples, positions, 2)``.
        progress: Told how many samples are done.
    """
    total, positions, _ = logits.shape
    score = np.empty(total)
    first, last = np.empty(total, np.int64), np.empty(total, np.int64)
    for at in range(0, total, _AT_A_TIME):
        part = slice(at, at + _AT_A_TIME)
        rows = windows.rows[part]
        may_start, may_end = _allowed(windows, rows, positions)
        starts, start_scores, start_ok = _ranked(logits[part, :, 0], may_start)
        ends, end_scores, end_ok = _ranked(logits[part, :, 1], may_end)
        length = ends[:, None, :] - starts[:, :, None]
        allowed = start_ok[:, :, None] & end_ok[:, None, :]
        allowed &= (length >= 0) & (length < LONGEST_ANSWER)
        pairs = np.where(allowed, start_scores[:, :, None] + end_scores[:, None, :], -np.inf)
        pairs = pairs.reshape(len(rows), -1)
        chosen = pairs.argmax(axis=1)
        each = np.arange(len(rows))
        score[part] = pairs[each, chosen]
        into_passage = rows[:, 1] - _offsets(windows, rows)
        first[part] = starts[each, chosen // ends.shape[1]] + into_passage
        last[part] = ends[each, chosen % ends.shape[1]] + into_passage
        progress("finding answers", min(at + _AT_A_TIME, total), total)
    return Spans(score, first, last)


def best_of_questions(windows: Windows, spans: Spans) -> dict[int, int]:
    """The sample with the best pair of each question; none where no window has one."""
    best: dict[int, int] = {}
    questions = windows.rows[:, 0].tolist()
    scores = spans.score.tolist()
    for sample, question in enumerate(questions):
        known = best.get(question)
        if scores[sample] > (-np.inf if known is None else scores[known]):
            best[question] = sample
    return best


def _offsets(windows: Windows, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the context begins in each sample: after [CLS], the question and [SEP]."""
    return np.array([len(windows.asked[question]) + 2 for question in rows[:, 0]], np.int64)


def _allowed(
    windows: Windows, rows: NDArray[np.int64], positions: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which positions may start and which may end an answer, ``(samples, positions)`` each."""
    offsets = _offsets(windows, rows)
    position = np.arange(positions)
    may_end = position >= offsets[:, None]
    may_end &= position < (offsets + rows[:, 2])[:, None]
    may_start = may_end.copy()
    for row, (question, start, size, window) in enumerate(rows.tolist()):
        owners = windows.owners.get(question)
        if owners is not None:
            offset = int(offsets[row])
            owned = owners[start : start + size] == window
            may_start[row, offset : offset + size] &= owned
    return may_start, may_end


def _ranked(
    scores: NDArray[np.float32], allowed: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """The positions of the best scores, best first, their scores, and whether each is allowed."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :BEST]
    best = np.take_along_axis(scores, order, axis=1).astype(np.float64)
    return order, best, np.take_along_axis(allowed, order, axis=1)
