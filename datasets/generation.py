"""What begins, ends and bounds an answer that a model generates token by token."""

from collections.abc import Callable
from dataclasses import dataclass

TOKENS = "tokens"
"""The name under which ``postprocess`` is given generated tokens: int64, ``(1, tokens)``, the end
token among them where one ended the answer."""

TOKEN_MS = "token_ms"
"""The name under which ``explain`` is given what each generated token took: milliseconds, float64
``(tokens,)``, the first's with the prompt."""


@dataclass(frozen=True)
class Generation:
    """How answers are generated, always the likeliest token (the lowest id among equal ones).

    Attributes:
        end: The tokens that end an answer.
        most_new: The most tokens of an answer, one at least.
        start: What decoding starts with where an encoder reads the sample; empty where the
            sample is the prompt.
        context: The most tokens that the model takes, start or prompt and answer; 0 for any.
        least: The tokens before one may end it. One, as the official scripts have it, keeps
            answers at the two tokens that LoadGen wants of each.
        most_of: The most tokens of one sample's answer by its index, where samples differ.
    """

    end: tuple[int, ...]
    most_new: int
    start: tuple[int, ...] = ()
    context: int = 0
    least: int = 1
    most_of: Callable[[int], int] | None = None

    def limit(self, index: int, prompt: int) -> int:
        """The most tokens that sample ``index`` with a prompt of so many may be answered with."""
        most = self.most_new if self.most_of is None else min(self.most_new, self.most_of(index))
        return min(most, self.context - prompt) if self.context else most
