"""What a model takes of a recording, and how its answer is read, as its manifest states it."""

import math
import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SpeechPreprocess:
    """A recording to samples, and the table that answers are read by.

    Attributes:
        rate: Samples a second.
        longest: Seconds of the longest recording that the model takes; a longer one is refused.
        tokenizer: ``pieces``: a table of pieces of words; see ``pieces.Pieces``.
        vocabulary: Where that comes from, in the form of an artifact's ``source``.
        sha256: Its checksum; empty for a ``file:`` of which none is known.
        file: Where the suite has put it; never in a manifest.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    rate: int = 16000
    longest: float = 30.0
    tokenizer: Literal["pieces"] = "pieces"
    vocabulary: str
    sha256: str = ""
    file: str = ""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if self.sha256 and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError("sha256 is not 64 hexadecimal digits in lower case")
        if self.rate < 1000:
            raise ValueError(f"rate is {self.rate}, expected samples a second, at least 1000")
        if not 0 < self.longest <= 3600:
            raise ValueError(f"longest is {self.longest:g}, expected seconds above 0 to 3600")


@dataclass(frozen=True, kw_only=True)
class TokensSpec:
    """How a model that answers token by token begins and ends.

    Attributes:
        kind: ``tokens``.
        start: The tokens that decoding starts with.
        end: Those that end an answer.
        most_new: The most tokens of an answer.
        per_second: The most tokens for each second of a recording, so that a model that repeats
            itself over a short one is stopped; 0 for ``most_new`` alone.
    """

    kind: Literal["tokens"]
    start: tuple[int, ...]
    end: tuple[int, ...]
    most_new: int
    per_second: float = 0.0

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if not self.start:
            raise ValueError("start names no token, and decoding starts with one at least")
        if not self.end:
            raise ValueError("end names no token; without one every answer is most_new tokens long")
        if min(*self.start, *self.end) < 0:
            raise ValueError("start and end are numbers of tokens, from 0 on")
        if self.most_new < 2:
            raise ValueError(f"most_new is {self.most_new}, expected 2 at least, the end included")
        if self.per_second < 0:
            raise ValueError(f"per_second is {self.per_second:g}, expected 0 or more")

    def most_of(self, seconds: float) -> int:
        """The most tokens for a recording, the end included; 2 at least."""
        if not self.per_second:
            return self.most_new
        return max(2, min(self.most_new, math.ceil(self.per_second * seconds)))
