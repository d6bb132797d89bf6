"""How a sentence is cut into WordPiece tokens, as a model's manifest states it."""

import re
from dataclasses import dataclass
from typing import Any, Literal

_LONGEST = 512  # the positions of BERT's checkpoints
_MARKS = 2  # [CLS] before the text, [SEP] after it


@dataclass(frozen=True, kw_only=True)
class SentenceSpec:
    """Text to token ids.

    Attributes:
        tokenizer: ``wordpiece-uncased``: BERT's normalisation and WordPiece in lower case.
        vocabulary: Where the vocabulary (one token a line) comes from, in the form of an
            artifact's ``source``.
        sha256: Its checksum; empty for a ``file:`` of which none is known.
        window: Most tokens in a sample, marks included; a longer text is cut at its end.
        file: Where the suite has put the vocabulary; never in a manifest.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    tokenizer: Literal["wordpiece-uncased"]
    vocabulary: str
    sha256: str = ""
    window: int = 128
    file: str = ""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if self.sha256 and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError("sha256 is not 64 hexadecimal digits in lower case")
        if not _MARKS < self.window <= _LONGEST:
            raise ValueError(f"window is {self.window}, not {_MARKS + 1} to {_LONGEST} tokens")

    @property
    def size(self) -> int:
        """The longest input, which is what a network of ours is made for."""
        return self.window

    @property
    def room(self) -> int:
        """Tokens of text that fit beside the marks."""
        return self.window - _MARKS

    def material(self) -> dict[str, Any]:
        """The settings that shape samples, for the key of the cache."""
        return {
            "tokenizer": self.tokenizer,
            "vocabulary_sha256": self.sha256,
            "window": self.window,
            "kind": "sentence",
        }
