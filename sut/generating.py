"""Frameworks that answer token by token in batches of their own."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from loadscope.sut.backend import Backend


class TokenGenerator(Protocol):
    """Sequences that a framework answers together; it decides which of them share a step.

    All calls are of the thread that made it.
    """

    def begin(self, key: int, prompt: NDArray[Any], limit: int) -> None:
        """Take a sequence.

        Args:
            key: What its tokens are told by.
            prompt: Token ids, ``(tokens,)``.
            limit: The most tokens of its answer, the one that ends it included.
        """

    def step(self) -> Sequence[tuple[int, int]]:
        """Go on by a step.

        Returns:
            The tokens that came with it, each with its sequence's key: none of one that still
            waits. A sequence is let go of with a token that ends it, or with its last one.

        Raises:
            WorkError: The framework gave a sequence up.
        """


@runtime_checkable
class GeneratingBackend(Backend, Protocol):
    """A backend whose framework keeps keys and values to itself.

    The decoder of its artifact has no states, and nobody steps it by ``predict``.
    """

    def generator(self, end: Collection[int], least: int) -> TokenGenerator:
        """Make one without any sequence.

        Args:
            end: The tokens that end an answer.
            least: The tokens before one may end it.

        Raises:
            InputError: The model ends answers by other tokens.
        """
