import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadscope.datasets import catalog
from loadscope.datasets.question_answering.squad_json import Questions, read_squad
from loadscope.errors import InputError

PATH = Path("set.json")
GOOD: dict[str, Any] = {
    "version": "1.1",
    "data": [
        {
            "title": "Bridges",
            "paragraphs": [
                {
                    "context": "The bridge at Carn has five arches.",
                    "qas": [
                        {
                            "id": "a",
                            "question": "How many arches?",
                            "answers": [
                                {"text": "five", "answer_start": 23},
                                {"text": "five arches", "answer_start": 23},
                            ],
                        }
                    ],
                }
            ],
        }
    ],
}


def read(content: Any) -> Questions:
    return read_squad(PATH, json.dumps(content).encode())


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    content = copy.deepcopy(GOOD)
    change(content)
    return content


def paragraph(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["data"][0]["paragraphs"][0]
    return found


def qa(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = paragraph(content)["qas"][0]
    return found


def test_questions_come_in_file_order_with_all_their_answers() -> None:
    found = read(GOOD)
    assert found.contexts == ("The bridge at Carn has five arches.",)
    (question,) = found.questions
    assert (question.id, question.text, question.context) == ("a", "How many arches?", 0)
    assert question.answers == ("five", "five arches")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(version="v2.0"), 'version is "v2.0", not "1.1"'),
        (lambda c: c.update(version=1.1), "version is 1.1, not"),
        (lambda c: c.pop("version"), "version is missing"),
        (lambda c: c.pop("data"), "there is no 'data'"),
        (lambda c: c.update(data=[]), "there is no question"),
        (lambda c: qa(c).update(question="  "), r"data\[0\].paragraphs\[0\].qas\[0\].question is"),
        (lambda c: paragraph(c).update(context=""), r"paragraphs\[0\].context is empty"),
        (lambda c: qa(c).update(answers=[]), r"qas\[0\].answers: List should have at least 1"),
        (lambda c: qa(c)["answers"][0].update(text="six"), "'six' is not in its context"),
        (lambda c: qa(c)["answers"][0].update(text=""), r"answers\[0\].text is empty"),
        (lambda c: qa(c)["answers"][0].update(answer_start=99), "answer_start is 99, outside"),
        (lambda c: qa(c)["answers"][1].update(answer_start="4"), r"answers\[1\].answer_start"),
        (lambda c: qa(c).update(id=7), r"qas\[0\].id: Input should be a valid string"),
        (lambda c: qa(c).update(question="\ud800"), "half a surrogate pair"),
        (lambda c: paragraph(c)["qas"].append(qa(c)), r"qas\[1\]: the id 'a' is that of an earl"),
    ],
)
def test_a_set_that_is_not_in_order_is_refused_with_the_place(
    change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(changed(change))
    assert caught.value.message.startswith("set.json: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "set.json:1: not JSON"),
        (b'{"version": "1.1",\n "data": [}', "set.json:2: not JSON"),
        (b"[]", "not a question set"),
        (b'{"version": "1.1", "data": "\xff"}', "not UTF-8 text at byte 28"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_of_the_format_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_squad(PATH, content)


def test_an_answer_elsewhere_than_at_its_start_is_accepted_as_the_evaluation_does() -> None:
    found = read(changed(lambda c: qa(c)["answers"][0].update(answer_start=0)))
    assert found.questions[0].answers[0] == "five"


def test_an_answer_may_differ_from_its_context_in_blanks() -> None:
    def change(content: dict[str, Any]) -> None:
        paragraph(content)["context"] = "The bridge has five\n  arches."
        qa(content)["answers"] = [{"text": "five arches", "answer_start": 15}]

    assert read(changed(change)).questions[0].answers == ("five arches",)


def test_a_byte_order_mark_and_further_keys_are_passed_over() -> None:
    content = changed(lambda c: qa(c).update(is_impossible=False))
    assert len(read_squad(PATH, b"\xef\xbb\xbf" + json.dumps(content).encode()).questions) == 1


def test_the_set_that_comes_with_the_package_is_in_order() -> None:
    entry = catalog.catalog_entry("squad-sample")
    folder = entry.shipped()
    assert folder is not None
    file = folder / "dev-v1.1.json"
    found = read_squad(file, file.read_bytes())
    assert len(found.questions) == entry.samples
    assert len(found.contexts) == 31


@pytest.mark.real_data
def test_the_609_real_questions_are_in_order(real_data: Path) -> None:
    file = real_data / "squad" / "dev-v1.1.json"
    assert len(read_squad(file, file.read_bytes()).questions) == 609
