"""How text is cut into windows of WordPiece tokens, as a model's manifest states it."""

import re
from dataclasses import dataclass
from typing import Any, Literal

LONGEST_WINDOW = 384
"""``max_seq_length`` of the official SQuAD scripts: answers are logged for this many positions."""

_MARKS = 3  # [CLS] before the question, [SEP] after it and after the context


@dataclass(frozen=True, kw_only=True)
class WordPieceSpec:
    """Question and context to token ids, for extractive question answering.

    Attributes:
        tokenizer: ``wordpiece-uncased``: BERT's normalisation and WordPiece in lower case.
        vocabulary: Where the vocabulary (one token a line) comes from, in the form of an
            artifact's ``source``.
        sha256: Its checksum; empty for a ``file:`` of which none is known.
        window: Most tokens in a sample, marks included.
        stride: Tokens between the starts of two windows of a context.
        question: Tokens after which a question is cut.
        file: Where the suite has put the vocabulary; never in a manifest.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    tokenizer: Literal["wordpiece-uncased"]
    vocabulary: str
    sha256: str = ""
    window: int = LONGEST_WINDOW
    stride: int = 128
    question: int = 64
    file: str = ""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if self.sha256 and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError("sha256 is not 64 hexadecimal digits in lower case")
        if self.question < 1 or self.stride < 1:
            raise ValueError("question and stride must be at least 1 token")
        least = self.question + _MARKS + 1
        if not least <= self.window <= LONGEST_WINDOW:
            raise ValueError(f"window is {self.window}, not {least} to {LONGEST_WINDOW} tokens")

    @property
    def size(self) -> int:
        """The longest input, which is what a network of ours is made for."""
        return self.window

    def room(self, question: int) -> int:
        """Tokens of context that fit in a window beside a question of so many tokens."""
        return self.window - question - _MARKS

    def material(self) -> dict[str, Any]:
        """The settings that shape samples, for the key of the cache."""
        return {
            "tokenizer": self.tokenizer,
            "vocabulary_sha256": self.sha256,
            "window": self.window,
            "stride": self.stride,
            "question": self.question,
        }
