from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadscope.datasets.question_answering.squad import Squad
from loadscope.datasets.question_answering.squad_windows import cut, owner_of_tokens
from loadscope.datasets.question_answering.wordpiece_spec import WordPieceSpec
from loadscope.datasets.texts.wordpiece import UncasedWordPiece
from loadscope.errors import InputError

MakeSpec = Callable[..., WordPieceSpec]


@pytest.mark.parametrize(
    ("tokens", "room", "stride", "spans"),
    [
        (5, 10, 4, [(0, 5)]),
        (10, 10, 4, [(0, 10)]),
        (11, 10, 4, [(0, 10), (4, 7)]),
        (20, 10, 4, [(0, 10), (4, 10), (8, 10), (12, 8)]),
        # A stride longer than the window leaves nothing out.
        (9, 4, 7, [(0, 4), (4, 4), (8, 1)]),
    ],
)
def test_a_context_longer_than_a_window_is_cut_with_overlap(
    tokens: int, room: int, stride: int, spans: list[tuple[int, int]]
) -> None:
    assert cut(tokens, room, stride) == spans


@given(st.integers(1, 200), st.integers(1, 60), st.integers(1, 70))
def test_every_token_is_in_a_window_and_owned_by_one_that_has_it(
    tokens: int, room: int, stride: int
) -> None:
    spans = cut(tokens, room, stride)
    owners = owner_of_tokens(spans, tokens).tolist()
    for token, owner in enumerate(owners):
        start, length = spans[owner]
        assert start <= token < start + length


def test_a_token_belongs_to_the_window_with_most_on_its_shorter_side() -> None:
    # Worked by hand: windows 0..9 and 4..10. Token 6 has 3 to the right in the first and 2 to
    # the left in the second; token 7 has 2 and 3.
    owners = owner_of_tokens([(0, 10), (4, 7)], 11)
    assert owners.tolist() == [0] * 7 + [1] * 4


def test_the_longer_window_wins_where_the_sides_are_equal() -> None:
    # Token 2 has one token to its right in the first window, one to its left in the second.
    assert owner_of_tokens([(0, 4), (1, 9)], 10)[2] == 1
    assert owner_of_tokens([(0, 9), (1, 4)], 9)[3] == 0


def test_text_is_lower_cased_stripped_of_accents_and_split(wordpiece: UncasedWordPiece) -> None:
    (found,) = wordpiece.encode(["Ana Müller, builders!"])
    said = [wordpiece.spell([number]) for number in found.ids.tolist()]
    assert said == ["ana", "muller", ",", "build", "er", "s", "[UNK]"]
    assert found.starts.tolist() == [0, 4, 10, 12, 17, 19, 20]


def test_pieces_are_spelled_as_one_word(wordpiece: UncasedWordPiece) -> None:
    (found,) = wordpiece.encode(["old builders at Carn"])
    assert wordpiece.spell(found.ids.tolist()) == "old builders at carn"


def test_a_sample_is_marks_question_and_context(make_spec: MakeSpec, small_set: Path) -> None:
    squad = Squad.read(small_set, None, make_spec())
    tokens, before = squad.sample(0)
    wordpiece = UncasedWordPiece(make_spec())
    text = " ".join(wordpiece.spell([number]) for number in tokens.tolist())
    assert text.startswith("[CLS] who has arches ? [SEP] the old stone bridge at carn has five")
    assert text.endswith("is long . [SEP]")
    assert before == 6
    assert tokens.dtype == np.int32


def test_no_sample_is_longer_than_the_window(make_spec: MakeSpec, small_set: Path) -> None:
    squad = Squad.read(small_set, None, make_spec())
    lengths = [len(squad.sample(index)[0]) for index in range(len(squad))]
    assert max(lengths) == 20
    assert squad.windows.rows[:, 0].tolist()[:4] == [0, 1, 2, 3]
    assert len(squad) > 4


def test_a_long_question_is_cut(make_spec: MakeSpec, small_set: Path) -> None:
    _, before = Squad.read(small_set, None, make_spec(question=2)).sample(0)
    assert before == 4


def test_a_question_of_control_characters_is_refused(
    make_spec: MakeSpec, squad_file: Callable[..., Path]
) -> None:
    answers = [{"text": "five", "answer_start": 0}]
    qas = [{"id": "q", "question": "\x07", "answers": answers}]
    content = {
        "version": "1.1",
        "data": [{"title": "t", "paragraphs": [{"context": "five", "qas": qas}]}],
    }
    with pytest.raises(InputError, match="question 'q' holds no character"):
        Squad.read(squad_file(content), None, make_spec())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[PAD]\n[UNK]\n[CLS]\nold\n", r"has no \[SEP\]"),
        (b"old\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n", r"has \[PAD\] at 1"),
    ],
)
def test_a_vocabulary_that_is_not_berts_is_refused(
    make_spec: MakeSpec, vocabulary: Path, content: bytes, message: str
) -> None:
    vocabulary.write_bytes(content)
    with pytest.raises(InputError, match=message):
        UncasedWordPiece(make_spec())


def test_a_byte_order_mark_is_no_part_of_a_vocabularys_first_token(
    make_spec: MakeSpec, vocabulary: Path
) -> None:
    plain = UncasedWordPiece(make_spec()).encode(["what is this?"])[0].ids.tolist()
    vocabulary.write_bytes(b"\xef\xbb\xbf" + vocabulary.read_bytes())
    marked = UncasedWordPiece(make_spec()).encode(["what is this?"])[0].ids.tolist()
    assert marked == plain


def test_a_vocabulary_with_another_checksum_is_refused(
    make_spec: MakeSpec, vocabulary: Path
) -> None:
    spec = make_spec()
    vocabulary.write_bytes(vocabulary.read_bytes() + b"more\n")
    with pytest.raises(InputError, match="sha256 is"):
        UncasedWordPiece(spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": 512}, "window is 512, not 9 to 384"),
        ({"window": 8}, "window is 8, not 9 to 384"),
        ({"stride": 0}, "at least 1 token"),
        ({"question": 0}, "at least 1 token"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    make_spec: MakeSpec, change: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_spec(**change)
