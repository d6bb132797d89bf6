"""Question sets that stand in a table, a question a row: JSONL, TSV, CSV or parquet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadscope.datasets.adapters.manifest import Manifest
from loadscope.datasets.question_answering.squad_json import GivenAnswer, Qa, Questions, gather
from loadscope.errors import InputError

_PARTS = {
    "context": ("context", "passage"),
    "question": ("question",),
    # As Hugging Face keeps SQuAD: {"text": [...], "answer_start": [...]}; or the text alone.
    "answers": ("answers", "answer"),
}


def read_table(path: Path, form: Manifest) -> Questions:
    """Read and check the questions of a table; see ``squad_json.read_squad``.

    Rows on one passage that follow each other share it. A question without an ``id`` is known by
    its row.

    Raises:
        InputError: A column is missing, or as in ``read_squad``; the message has the row.
    """
    rows = form.read(path, _PARTS)
    texts = [row.values for row in rows]

    def paragraphs() -> Iterator[tuple[str, str, list[Qa]]]:
        for row, values in zip(rows, texts, strict=True):
            where = f"row {row.line}"
            for part in ("context", "question"):
                if not isinstance(values[part], str):
                    raise InputError(f"{path}: {where}: {part} is no text", "correct the row")
            context = values["context"]
            answers = list(_answers(path, where, values["answers"], context))
            qa = Qa(id=str(row.line), question=values["question"], answers=answers)
            yield where, context, [qa]

    return gather(path, paragraphs())


def _answers(path: Path, where: str, given: Any, context: str) -> Iterator[GivenAnswer]:
    if isinstance(given, str):
        given = {"text": [given]}
    texts = given.get("text") if isinstance(given, dict) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
        raise InputError(
            f"{path}: {where}: answers hold no text",
            'write one answer, or {"text": ["…"], "answer_start": [0]}',
        )
    starts = given.get("answer_start") if isinstance(given, dict) else None
    if not isinstance(starts, list) or len(starts) != len(texts):
        starts = [max(context.find(text), 0) for text in texts]
    for text, start in zip(texts, starts, strict=True):
        yield GivenAnswer(text=text, answer_start=int(start))
