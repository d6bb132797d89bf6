"""What a model takes of a recording, and how its answer is read, as its manifest states it."""

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


@dataclass(frozen=True)
class TokensSpec:
    """The output that holds token numbers.

    Attributes:
        kind: ``tokens``.
        output: Its name.
    """

    kind: Literal["tokens"]
    output: str

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)
