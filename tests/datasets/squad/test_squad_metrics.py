from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadscope.datasets.question_answering.squad_metrics import comparable, exact_match, f1

TEXTS = st.text(st.sampled_from("aAnthe bcü'.,-— \t0İß"), max_size=24)
Metric = Callable[[str, list[str]], float]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The Old Bridge", "old bridge"),
        ("a theatre and an anthem", "theatre and anthem"),
        ("Steve Smith's", "steve smiths"),
        ("U.S.", "us"),
        ("well-known", "wellknown"),
        ("a-b", "ab"),
        ("— dash", "— dash"),
        ("5 %", "5"),
        ("  two\n words\t", "two words"),
        ("the", ""),
        ("É", "é"),
        ("a\u00a0bridge", "bridge"),
        ("_the_ end", "end"),
        ("the\u0301 end", "\u0301 end"),
        # Punctuation beyond ASCII stays, and ends a word.
        ("¿the?", "¿"),
    ],
)
def test_case_punctuation_articles_and_blanks_do_not_count(text: str, left: str) -> None:
    assert comparable(text) == left


@pytest.mark.parametrize(
    ("said", "answers", "exact", "overlap"),
    [
        ("the old bridge", ["Old bridge."], 1, 1),
        # One of two words said, one of one wanted: 2 * 1/2 * 1 / (3/2).
        ("old bridge", ["bridge"], 0, 2 / 3),
        # Two of three, two of four.
        ("old stone bridge", ["old bridge in Carn"], 0, 2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4)),
        # A word counts as often as both have it.
        ("very very old", ["very old"], 0, 2 * (2 / 3) * 1 / (2 / 3 + 1)),
        ("bridge", ["tower", "bridges", "the bridge"], 1, 1),
        ("nothing", ["else"], 0, 0),
        ("", ["bridge"], 0, 0),
        # The official v1.1 evaluation: equal, but without a word in common.
        ("the", ["a"], 1, 0),
        ("...", ["!"], 1, 0),
        ("Müller", ["Muller"], 0, 0),
    ],
)
def test_hand_worked_cases(said: str, answers: list[str], exact: float, overlap: float) -> None:
    assert exact_match(said, answers) == exact
    assert f1(said, answers) == pytest.approx(overlap, abs=1e-12)


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3))
def test_more_answers_never_lower_a_score(said: str, answers: list[str]) -> None:
    for metric in (exact_match, f1):
        alone: Metric = metric
        assert alone(said, answers) == max(alone(said, [answer]) for answer in answers)


@given(TEXTS, TEXTS)
def test_both_are_symmetric_and_between_0_and_1(one: str, other: str) -> None:
    assert exact_match(one, [other]) == exact_match(other, [one])
    assert f1(one, [other]) == pytest.approx(f1(other, [one]))
    assert 0 <= f1(one, [other]) <= 1


@given(TEXTS, TEXTS)
def test_an_exact_match_with_a_word_in_it_has_all_of_f1(one: str, other: str) -> None:
    if exact_match(one, [other]) and comparable(one):
        assert f1(one, [other]) == 1


@given(TEXTS)
def test_a_text_matches_itself_shouted_with_article_and_punctuation(text: str) -> None:
    dressed = f" The, {text}!\n"
    assert comparable(dressed) == comparable(f"the {text}")
    assert exact_match(dressed, [f"the {text}"]) == 1
