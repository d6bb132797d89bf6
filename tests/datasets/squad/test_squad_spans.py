from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from loadscope.datasets.question_answering.squad import Squad
from loadscope.datasets.question_answering.squad_spans import best_of_questions, best_spans
from loadscope.datasets.question_answering.squad_windows import Windows
from loadscope.datasets.question_answering.wordpiece_spec import LONGEST_WINDOW, WordPieceSpec

MakeSpec = Callable[..., WordPieceSpec]
Pair = tuple[float, int, int]


def quiet(what: str, done: int, total: int) -> None:
    pass


def ranked(scores: list[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda at: scores[at], reverse=True)[:20]


def one_by_one(windows: Windows, logits: NDArray[np.float32], sample: int) -> Pair | None:
    """The rules of the official script, a pair at a time."""
    question, start, size, window = windows.rows[sample].tolist()
    offset = len(windows.asked[question]) + 2
    starts, ends = logits[sample].astype(float).T.tolist()
    pairs: list[Pair] = []
    for first in ranked(starts):
        for last in ranked(ends):
            inside = offset <= first < offset + size and offset <= last < offset + size
            if not inside or not 0 <= last - first < 30:
                continue
            owners = windows.owners.get(question)
            token = start + first - offset
            if owners is None or owners[token] == window:
                pairs.append((starts[first] + ends[last], token, token + last - first))
    return max(pairs, key=lambda pair: pair[0]) if pairs else None


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), step=st.sampled_from([0.0, 1.0, 4.0]))
def test_many_at_a_time_finds_what_one_by_one_does(
    make_spec: MakeSpec, small_set: Path, seed: int, step: float
) -> None:
    windows = Squad.read(small_set, None, make_spec()).windows
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (len(windows.rows), LONGEST_WINDOW, 2)).astype(np.float32)
    logits[:, 20:] = -10_000
    if step:
        # Coarse scores have many equals, whose order counts.
        logits = np.round(logits / step) * np.float32(step)
    spans = best_spans(windows, logits, quiet)
    for sample in range(len(windows.rows)):
        expected = one_by_one(windows, logits, sample)
        if expected is None:
            assert spans.score[sample] == -np.inf
        else:
            found = (spans.score[sample], spans.first[sample], spans.last[sample])
            assert found == pytest.approx(expected)


@pytest.fixture
def alone(make_spec: MakeSpec, small_set: Path) -> Windows:
    """The first sample: four tokens of question, its context from position 6 on."""
    return Squad.read(small_set, 1, make_spec()).windows


def flat(pairs: dict[int, tuple[float, float]]) -> NDArray[np.float32]:
    logits = np.zeros((1, LONGEST_WINDOW, 2), np.float32)
    for position, scores in pairs.items():
        logits[0, position] = scores
    return logits


def test_a_span_in_the_question_is_no_answer(alone: Windows) -> None:
    spans = best_spans(alone, flat({2: (9, 9), 7: (1, 0), 8: (0, 1)}), quiet)
    assert (spans.first[0], spans.last[0], spans.score[0]) == (1, 2, 2)


def test_an_answer_does_not_end_before_it_starts(alone: Windows) -> None:
    spans = best_spans(alone, flat({8: (9, 0), 7: (0, 9), 9: (0, 1)}), quiet)
    assert (spans.first[0], spans.last[0]) == (2, 3)


def test_an_answer_has_at_most_thirty_tokens(
    make_spec: MakeSpec, squad_file: Callable[..., Path]
) -> None:
    context = " ".join(["bridge"] * 60)
    qas = [{"id": "q", "question": "who", "answers": [{"text": "bridge", "answer_start": 0}]}]
    content = {"version": "1.1", "data": [{"paragraphs": [{"context": context, "qas": qas}]}]}
    windows = Squad.read(squad_file(content), None, make_spec(window=80)).windows
    far = best_spans(windows, flat({3: (9, 0), 33: (0, 9), 32: (0, 5)}), quiet)
    assert (far.first[0], far.last[0], far.score[0]) == (0, 29, 14)


def test_the_best_window_answers_a_question_and_the_first_of_equals(
    make_spec: MakeSpec, small_set: Path
) -> None:
    windows = Squad.read(small_set, None, make_spec()).windows
    rows = windows.rows[:, 0].tolist()
    spans = best_spans(windows, np.zeros((len(rows), LONGEST_WINDOW, 2), np.float32), quiet)
    assert best_of_questions(windows, spans)[3] == rows.index(3)
    spans.score[-1] += 1
    assert best_of_questions(windows, spans)[3] == len(rows) - 1


def test_no_allowed_pair_is_no_answer(alone: Windows) -> None:
    # The 20 best starts are all outside the context.
    logits = np.zeros((1, LONGEST_WINDOW, 2), np.float32)
    logits[0, 100:120, 0] = 5
    assert best_of_questions(alone, best_spans(alone, logits, quiet)) == {}
