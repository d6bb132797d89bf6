import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.question_answering.squad import Squad
from loadscope.datasets.question_answering.wordpiece_spec import LONGEST_WINDOW, WordPieceSpec
from loadscope.datasets.registry import task
from loadscope.datasets.task import Answer, DataSample
from loadscope.errors import InputError, WorkError

MakeSpec = Callable[..., WordPieceSpec]
# What the round's checker reads F1 by (submission_checker/constants.py).
OFFICIAL = re.compile(r"^{[\"']exact_match[\"']\:\s*[\d\.]+,\s*[\"']f1[\"']\:\s*([\d\.]+)}")


@pytest.fixture
def squad(make_spec: MakeSpec, small_set: Path) -> Squad:
    return Squad.read(small_set, None, make_spec())


def pointing(index: int, first: int, last: int) -> Answer:
    scores = np.zeros((LONGEST_WINDOW, 2), "<f4")
    scores[first, 0] = scores[last, 1] = 9
    return Answer(index, scores.tobytes())


def answers_of(squad: Squad) -> list[Answer]:
    """Right on the first question, half right on the second, wrong on the others."""
    wrong = [pointing(index, 8, 8) for index in range(2, len(squad))]
    # 'The old stone bridge' is tokens 0 to 3 of the context, which begins at 6; 'Ana Müller'
    # is tokens 6 and 7 after 'Who built it ?'.
    return [pointing(0, 6, 9), pointing(1, 13, 13), *wrong]


def test_scores_are_those_of_the_answers_worked_by_hand(squad: Squad) -> None:
    score = squad.score(answers_of(squad))
    # One of four exact; F1 is 1, 2/3 (one word of two), 0 and 0.
    assert score.line == '{"exact_match": 25, "f1": 41.666667}'
    assert score.metric.name == "f1"
    assert score.value == pytest.approx(100 * (1 + 2 / 3) / 4)
    assert score.samples == len(squad)
    assert score.details["questions"] == 4


def test_a_question_is_shown_with_the_part_that_answers_it(squad: Squad) -> None:
    answer = answers_of(squad)[0]
    shown = task("question-answering").show(DataSample(squad, 0), answer.payload)
    assert shown.sample == squad.questions.questions[0].text
    assert shown.answer == "The old stone bridge"


def test_the_line_is_one_that_the_official_checker_reads(squad: Squad) -> None:
    for answers in (answers_of(squad), [pointing(index, 8, 8) for index in range(len(squad))]):
        line = squad.score(answers).line
        match = OFFICIAL.match(line)
        assert match is not None
        assert float(match[1]) == json.loads(line)["f1"]


def test_an_answer_keeps_its_own_case_and_accents(squad: Squad) -> None:
    logits = np.stack(
        [np.frombuffer(a.payload, "<f4").reshape(-1, 2) for a in [*answers_of(squad)]]
    )
    said = squad.predict(logits, lambda *_: None)
    assert said[0] == "The old stone bridge"
    assert said[1] == "Müller"


def test_a_question_without_any_allowed_span_is_answered_as_the_official_script_does(
    squad: Squad,
) -> None:
    logits = np.zeros((len(squad), LONGEST_WINDOW, 2), np.float32)
    logits[:, 100:120] = 5
    assert set(squad.predict(logits, lambda *_: None).values()) == {"empty"}


def test_the_first_of_several_answers_to_a_sample_counts(squad: Squad) -> None:
    once = squad.score(answers_of(squad))
    again = squad.score([*answers_of(squad), pointing(0, 8, 8), pointing(1, 8, 8)])
    assert once.line == again.line


def test_the_order_of_the_log_does_not_matter(squad: Squad) -> None:
    assert squad.score(answers_of(squad)).line == squad.score(answers_of(squad)[::-1]).line


def test_scoring_tells_of_its_progress_to_the_end(squad: Squad) -> None:
    seen: list[tuple[str, int, int]] = []
    squad.score(answers_of(squad), lambda *now: seen.append(now))
    ends = {what: (done, total) for what, done, total in seen}
    assert ends["finding answers"] == (len(squad), len(squad))
    assert ends["reading answers out of passages"] == (4, 4)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda a: a[1:], r"sample 0 is not answered \(1 in all\)"),
        (lambda a: [Answer(0, a[0].payload[:-4]), *a[1:]], "3068 bytes instead of 3072"),
        (lambda a: [*a, Answer(len(a), a[0].payload)], "is not among the"),
        (lambda a: [Answer(0, b"\0\0\xc0\x7f" * 768), *a[1:]], "sample 0 is answered with NaN"),
    ],
)
def test_a_log_that_is_not_whole_is_refused(
    squad: Squad, spoil: Callable[[list[Answer]], list[Answer]], message: str
) -> None:
    with pytest.raises(WorkError, match=message):
        squad.score(spoil(answers_of(squad)))


def test_a_limit_keeps_the_first_windows_and_the_questions_that_they_show(
    make_spec: MakeSpec, small_set: Path, squad: Squad
) -> None:
    limited = Squad.read(small_set, 2, make_spec())
    assert len(limited) == 2
    assert limited.full_size() == len(squad) == squad.full_size()
    assert limited.score(answers_of(squad)[:2]).line == '{"exact_match": 50, "f1": 83.333333}'


@pytest.mark.parametrize("limit", [0, 1000])
def test_a_limit_outside_the_set_is_refused(
    make_spec: MakeSpec, small_set: Path, limit: int
) -> None:
    with pytest.raises(InputError, match=f"limit of {limit} samples"):
        Squad.read(small_set, limit, make_spec())


def test_the_file_itself_may_be_named(make_spec: MakeSpec, small_set: Path, squad: Squad) -> None:
    assert len(Squad.read(small_set / "dev-v1.1.json", None, make_spec())) == len(squad)


def test_a_missing_file_is_named(make_spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: No such file"):
        Squad.read(tmp_path / "nowhere", None, make_spec())


def test_the_digest_tells_contents_limits_and_settings_apart(
    make_spec: MakeSpec, small_set: Path, squad: Squad
) -> None:
    others = [
        Squad.read(small_set, 2, make_spec()),
        Squad.read(small_set, None, make_spec(stride=7)),
    ]
    assert Squad.read(small_set, None, make_spec()).digest() == squad.digest()
    file = small_set / "dev-v1.1.json"
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    others.append(Squad.read(small_set, None, make_spec()))
    assert len({squad.digest(), *(other.digest() for other in others)}) == 4


def test_some_windows_are_scored_as_a_set_of_their_own(squad: Squad) -> None:
    answers = answers_of(squad)
    # The first two questions: 1 and 2/3, as above.
    part = squad.score(answers, among=[1, 0])
    assert part.value == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert (part.samples, part.details["questions"]) == (2, 2)
    assert squad.score(answers).details["questions"] == 4
    with pytest.raises(WorkError, match="sample 1 is not answered"):
        squad.score(answers[:1], among=[0, 1])
