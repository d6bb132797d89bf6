"""Reading question sets in the format of SQuAD v1.1."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loadscope.errors import InputError

VERSION = "1.1"


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        id: Its identifier.
        text: What is asked.
        context: The position of its passage among the contexts.
        answers: The accepted answers, one at least.
    """

    id: str
    text: str
    context: int
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Questions:
    """A question set in file order, which is the order of the official scripts.

    Attributes:
        contexts: The passages.
        questions: The questions.
    """

    contexts: tuple[str, ...]
    questions: tuple[Question, ...]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class GivenAnswer(_Part):
    """An accepted answer, and where it stands in its passage, in characters."""

    text: str
    answer_start: int


class Qa(_Part):
    """A question with its accepted answers."""

    id: str
    question: str
    answers: Annotated[list[GivenAnswer], Field(min_length=1)]


class _Paragraph(_Part):
    context: str
    qas: list[Qa]


class _Article(_Part):
    paragraphs: list[_Paragraph]


class _File(_Part):
    data: list[_Article]


def read_squad(path: Path, content: bytes) -> Questions:
    """Check a question set and take it apart.

    An answer must occur in its passage; that it stands at ``answer_start`` is not asked for,
    as the official evaluation never looks there. Keys that are not part of the format are
    passed over.

    Args:
        path: The file, for messages.
        content: What is in it, UTF-8.

    Raises:
        InputError: It is not JSON, of another version or form, or has an empty passage or
            question, an answer that is not in its passage, an identifier twice, or no question;
            the message has the place.
    """
    return gather(path, _paragraphs(_parse(path, content)))


def gather(path: Path, paragraphs: Iterable[tuple[str, str, list["Qa"]]]) -> Questions:
    """Check passages with their questions; see ``read_squad``.

    Args:
        path: The file, for messages.
        paragraphs: Of each its place in the file, the passage, and the questions on it.

    Raises:
        InputError: As in ``read_squad``.
    """
    contexts: list[str] = []
    questions: dict[str, Question] = {}
    for where, context, qas in paragraphs:
        _require_text(path, f"{where}.context", context)
        words = " ".join(context.split())
        for number, qa in enumerate(qas):
            place = f"{where}.qas[{number}]" if where.startswith("data") else where
            _require_text(path, f"{place}.question", qa.question)
            if qa.id in questions:
                raise InputError(
                    f"{path}: {place}: the id {qa.id!r} is that of an earlier question",
                    "give each question an id of its own",
                )
            for index, answer in enumerate(qa.answers):
                _check_answer(path, f"{place}.answers[{index}]", answer, context, words)
            answers = tuple(answer.text for answer in qa.answers)
            questions[qa.id] = Question(qa.id, qa.question, len(contexts), answers)
        contexts.append(context)
    if not questions:
        raise InputError(f"{path}: there is no question", "give a question set of SQuAD v1.1")
    return Questions(tuple(contexts), tuple(questions.values()))


def _parse(path: Path, content: bytes) -> _File:
    fix = "give a question set of SQuAD v1.1, as dev-v1.1.json is"
    try:
        text = content.decode("utf-8-sig")
        whole: Any = json.loads(text)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text at byte {error.start}", fix) from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}:{error.lineno}: not JSON: {error.msg} (column {error.colno})", fix
        ) from None
    except RecursionError:
        raise InputError(f"{path}: not a question set: nested too deeply", fix) from None
    if not isinstance(whole, dict) or "data" not in whole:
        raise InputError(f"{path}: not a question set: there is no 'data'", fix)
    if whole.get("version") != VERSION:
        shown = json.dumps(whole["version"])[:40] if "version" in whole else "missing"
        raise InputError(f'{path}: version is {shown}, not "{VERSION}"', fix)
    try:
        return _File.model_validate(whole)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{path}: {_place(first['loc'])}: {first['msg']}", fix) from None


def _paragraphs(parsed: _File) -> Iterator[tuple[str, str, list[Qa]]]:
    for article, entry in enumerate(parsed.data):
        for number, paragraph in enumerate(entry.paragraphs):
            yield f"data[{article}].paragraphs[{number}]", paragraph.context, paragraph.qas


def _require_text(path: Path, where: str, text: str) -> None:
    if not text.strip():
        raise InputError(f"{path}: {where} is empty", "write it, or remove the entry")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError(f"{path}: {where} holds half a surrogate pair", "save it as UTF-8 text")


def _check_answer(path: Path, where: str, answer: GivenAnswer, context: str, words: str) -> None:
    _require_text(path, f"{where}.text", answer.text)
    if not 0 <= answer.answer_start < len(context):
        raise InputError(
            f"{path}: {where}.answer_start is {answer.answer_start}, outside the context of "
            f"{len(context)} characters",
            "positions count characters from 0",
        )
    if answer.text not in context and " ".join(answer.text.split()) not in words:
        raise InputError(
            f"{path}: {where}.text {answer.text[:60]!r} is not in its context",
            "an extractive answer must be a part of the passage, letter for letter",
        )


def _place(location: tuple[int | str, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".")
