"""One sample that is being answered token by token."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.tensors import Tensors


@dataclass(eq=False)
class Sequence:
    """A sample and the tokens of its answer so far.

    Attributes:
        id: LoadGen's response id; 0 outside of a test.
        index: The sample.
        prompt: What the decoder is given first, ``(tokens,)``: the sample, or a start.
        limit: The most tokens of its answer.
        memory: What the decoder takes in every step of what an encoder read, without batch axis.
        arrived: When LoadGen issued it, ``perf_counter_ns``.
        first: When its first token was there.
        tokens: The answer, the token that ends it included.
        done: Whether it is complete.
    """

    id: int
    index: int
    prompt: NDArray[Any]
    limit: int
    memory: Tensors = field(default_factory=dict)
    arrived: int = 0
    first: int = 0
    tokens: list[int] = field(default_factory=list)
    done: bool = False

    @property
    def most_tokens(self) -> int:
        """The most that it can come to, prompt and answer."""
        return len(self.prompt) + self.limit

    def take(self, token: int, end: Collection[int]) -> None:
        """Append a token of the answer."""
        self.tokens.append(token)
        self.done = token in end or len(self.tokens) >= self.limit

    def answer(self) -> NDArray[np.int64]:
        """The tokens as ``Task.postprocess`` takes them, ``(1, tokens)``."""
        return np.array([self.tokens], np.int64)
