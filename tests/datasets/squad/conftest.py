import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loadscope.datasets.question_answering.wordpiece_spec import WordPieceSpec

if TYPE_CHECKING:
    from loadscope.datasets.texts.wordpiece import UncasedWordPiece

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = [
    "the",
    "a",
    "an",
    "old",
    "stone",
    "bridge",
    "at",
    "carn",
    "has",
    "five",
    "arches",
    "and",
    "is",
    "long",
    "who",
    "built",
    "it",
    "when",
    "was",
    "of",
    "ana",
    "muller",
    "in",
    "1740",
    "town",
    "cafe",
    "##s",
    "##ed",
    "##er",
    "play",
    "build",
    "steve",
    "smith",
    "'",
    "-",
    ".",
    ",",
    "?",
    "(",
    ")",
]

Article = tuple[str, Sequence[tuple[str, Sequence[str]]]]


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join([*MARKS, *WORDS]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def make_spec(vocabulary: Path) -> Callable[..., WordPieceSpec]:
    """A spec on the small vocabulary; a window of 20 tokens unless asked otherwise."""

    def make(**changes: Any) -> WordPieceSpec:
        settings = {"window": 20, "stride": 6, "question": 5, **changes}
        return WordPieceSpec(
            tokenizer="wordpiece-uncased",
            vocabulary=f"file:{vocabulary}",
            sha256=hashlib.sha256(vocabulary.read_bytes()).hexdigest(),
            file=str(vocabulary),
            **settings,
        )

    return make


@pytest.fixture
def wordpiece(make_spec: Callable[..., WordPieceSpec]) -> "UncasedWordPiece":
    # Where tokenizers is not to be had (s390x), the tests that do without it run all the same.
    from loadscope.datasets.texts.wordpiece import UncasedWordPiece

    return UncasedWordPiece(make_spec())


def as_squad(paragraphs: Sequence[Article], version: str = "1.1") -> dict[str, Any]:
    """A question set of one article; answers are placed where they first occur."""
    number = 0
    entries = []
    for context, asked in paragraphs:
        qas = []
        for question, answers in asked:
            number += 1
            found = [{"text": text, "answer_start": context.index(text)} for text in answers]
            qas.append({"id": f"q{number}", "question": question, "answers": found})
        entries.append({"context": context, "qas": qas})
    return {"version": version, "data": [{"title": "t", "paragraphs": entries}]}


@pytest.fixture
def squad_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a question set as dev-v1.1.json; give its folder."""

    def write(content: Any) -> Path:
        folder = tmp_path / "squad"
        folder.mkdir(exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        (folder / "dev-v1.1.json").write_text(text, encoding="utf-8")
        return folder

    return write


BRIDGE = "The old stone bridge at Carn has five arches and is long."
CAFE = "It was built in 1740 by Ana Müller."
LONG = " ".join(f"The old bridge at Carn , {place}" for place in ("town", "stone", "arches") * 4)


@pytest.fixture
def questions() -> list[Article]:
    """Two short passages and one that takes several windows of 20 tokens."""
    return [
        (BRIDGE, [("Who has arches?", ["The old stone bridge", "bridge"])]),
        (CAFE, [("Who built it?", ["Ana Müller"]), ("When was it built?", ["1740", "in 1740"])]),
        (LONG, [("When was it?", ["town"])]),
    ]


@pytest.fixture
def small_set(squad_file: Callable[..., Path], questions: list[Article]) -> Path:
    return squad_file(as_squad(questions))
