"""Scores by hand, and as the official script gives them."""

import re
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("jiwer")

from loadscope.datasets.speech_recognition.alphabet import encoded
from loadscope.datasets.speech_recognition.word_errors import (
    WER,
    WORD_ACCURACY,
    errors,
    paired,
    score_transcripts,
)
from loadscope.datasets.task import Answer
from loadscope.errors import InputError, WorkError
from loadscope.submission.rounds import load_round

WORDS = st.lists(st.sampled_from(["a", "b", "ab", "abc", "c", "cold", "hearted"]), max_size=9)


def answers(*texts: str) -> list[Answer]:
    return [Answer(at, encoded(text).tobytes()) for at, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("heard", "said", "plain", "official"),
    [
        ("a b c", "a b c", (0, 0, 0), 0),
        ("", "a b c", (0, 3, 0), 3),  # an empty answer
        ("a b", "", (0, 0, 2), 2),
        ("a x c", "a b c", (1, 0, 0), 1),
        ("a b b b b", "a b", (0, 0, 3), 3),  # repeated tokens
        ("dashwood", "dash wood", (1, 1, 0), 0),  # together is as apart
        ("dash wood", "dashwood", (1, 0, 1), 0),
        ("tobeornot", "to be or not", (1, 3, 0), 4),  # four words are too many to be one
        ("x dash wood", "dashwood", (1, 0, 2), 3),  # out of step: nothing is joined behind it
    ],
)
def test_by_hand(heard, said, plain, official):
    found = errors(heard.split(), said.split())
    assert (found.replaced, found.left_out, found.put_in) == plain
    assert found.official == official
    assert found.words == len(said.split())


@given(WORDS, WORDS)
@settings(max_examples=50)
def test_joining_keeps_letters_and_never_adds_words(heard, said):
    first, second = paired(heard, said)
    assert "".join(first) == "".join(heard) and "".join(second) == "".join(said)
    assert len(first) <= len(heard) and len(second) <= len(said)
    assert paired(said, said) == (said, said)


SAID = (
    "mister john dashwood had then leisure",
    "he paid twenty five dollars",
    "unless to be rather cold hearted",
    "she could not say the colour",
    "it is three percent",
    "um i do not know",
    "café",
    "no no no",
)
HEARD = (
    "Mr. John Dash-wood had the leisure,",
    "He paid $25",
    "unless to be rather coldhearted",
    "She couldn't say the color",
    "it's 3%",
    "I don't know",
    "caf",
    "no no no no no no",
)


def test_made_up_logs_score_as_the_official_script_has_them():
    # mlcommons/inference b66003e, speech2text/accuracy_eval.py, on these texts as a log.
    score = score_transcripts(answers(*HEARD), SAID, WORD_ACCURACY)
    # It printed 'Word Error Rate: 12.5%, accuracy=87.5%': 'the' for 'then', and three times 'no'.
    assert score.value == 87.5
    assert score.details["words"] == 32


def test_the_line_is_what_the_rounds_checker_reads():
    score = score_transcripts(answers("a b c d", "e"), ["a b c d", "f"], WER)
    assert score.line == "Word Error Rate: 20.000000%, accuracy=80.000000%"
    pattern = load_round().submission.accuracy_lines[WORD_ACCURACY.name]
    found = re.match(pattern, score.line)
    assert found is not None and float(found[1]) == 80
    assert (score.metric, score.value, score.samples) == (WER, 20.0, 2)
    assert score.details["word-accuracy"] == 80.0


def test_more_words_than_were_said_pass_100_percent():
    score = score_transcripts(answers("b b b"), ["a"], WER)
    assert score.value == 300
    assert score.details["word-accuracy"] == -200
    assert WER.holds(score.value) and WORD_ACCURACY.holds(-200)


def test_of_several_answers_the_first_counts():
    twice = chain(answers("yes"), answers("no"))
    assert score_transcripts(twice, ["yes"], WER).value == 0


def test_logs_that_cannot_be_scored():
    with pytest.raises(WorkError, match="1 of 2 samples are not answered, the first one 1"):
        score_transcripts(answers("a"), ["a", "b"], WER)
    with pytest.raises(WorkError, match="sample 1 is not of the 1"):
        score_transcripts(answers("a", "b"), ["a"], WER)
    with pytest.raises(WorkError, match="4 bytes that are no text"):
        score_transcripts([Answer(0, b"1234")], ["a"], WER)
    with pytest.raises(WorkError, match="no word was said"):
        score_transcripts(answers("a"), ["um"], WER)


def test_a_missing_library_is_told_with_its_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jiwer", None)
    with pytest.raises(InputError, match="need jiwer") as caught:
        score_transcripts(answers("a"), ["a"], WER)
    assert "loadscope[speech]" in caught.value.fix


def test_progress_is_told():
    seen = []
    texts = ["a"] * 130
    score_transcripts(
        answers(*texts), texts, WER, lambda what, done, total: seen.append((done, total))
    )
    assert seen == [(0, 130), (64, 130), (128, 130), (130, 130)]
