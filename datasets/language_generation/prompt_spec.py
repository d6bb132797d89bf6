"""How a prompt becomes tokens, and how an answer is generated, as a manifest states it."""

import re
from dataclasses import dataclass
from typing import Any, Literal

LONGEST = 65_535
"""The most tokens of a prompt: the token cache's lengths have 16 bits."""
_PLACE = "{text}"


@dataclass(frozen=True, kw_only=True)
class PromptSpec:
    """Text to token ids, and back.

    Attributes:
        tokenizer: ``bytes``: the bytes of UTF-8, 0 to 255, and special tokens from 256 on;
            ``tokenizer-json``: a file of the library ``tokenizers``.
        vocabulary: Where that file comes from, in the form of an artifact's ``source``.
        sha256: Its checksum; empty for a ``file:`` of which none is known.
        window: Most tokens of a prompt; a longer one is an error.
        begin: Tokens before each text that is cut here; prompts that come as tokens have them.
        template: What a text is put into.
        file: Where the suite has put the vocabulary; never in a manifest.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    tokenizer: Literal["bytes", "tokenizer-json"]
    vocabulary: str = ""
    sha256: str = ""
    window: int = 2048
    begin: tuple[int, ...] = ()
    template: str = _PLACE
    file: str = ""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if self.sha256 and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError("sha256 is not 64 hexadecimal digits in lower case")
        if not 1 <= self.window <= LONGEST:
            raise ValueError(f"window is {self.window}, not 1 to {LONGEST} tokens")
        if self.template.count(_PLACE) != 1:
            raise ValueError(f"template has {self.template.count(_PLACE)} {_PLACE}, not one")
        if (self.tokenizer == "bytes") == bool(self.vocabulary):
            raise ValueError("vocabulary is for tokenizer-json, which needs one")

    @property
    def size(self) -> int:
        """The longest prompt, for exporters that ask for a size."""
        return self.window

    def prompt(self, text: str) -> str:
        """A text in its template."""
        return self.template.replace(_PLACE, text)

    def material(self) -> dict[str, Any]:
        """The settings that shape samples, for the key of the cache."""
        return {
            "tokenizer": self.tokenizer,
            "vocabulary_sha256": self.sha256,
            "window": self.window,
            "begin": list(self.begin),
            "template": self.template,
            "kind": "prompt",
        }


@dataclass(frozen=True, kw_only=True)
class AnswerSpec:
    """What ends and bounds an answer.

    Attributes:
        end_tokens: The tokens that end it.
        most_new_tokens: The most tokens of it, the one that ends it included.
        context: The most tokens that the model takes, prompt and answer; 0 for any.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    end_tokens: tuple[int, ...]
    most_new_tokens: int = 128
    context: int = 0

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if not self.end_tokens or min(self.end_tokens) < 0:
            raise ValueError(
                "end_tokens: expected the ids of the tokens that end an answer; without one every "
                "answer would go on to most_new_tokens"
            )
        if self.most_new_tokens < 2:
            raise ValueError("most_new_tokens: expected at least 2, which LoadGen wants of each")
        if self.context < 0:
            raise ValueError("context: expected 0 for any, or a number of tokens")
