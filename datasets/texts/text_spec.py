"""What the room asks of a task's settings and samples."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class TextSpec(Protocol):
    """How a task cuts texts into tokens."""

    @property
    def file(self) -> str:
        """The vocabulary's path on this machine."""

    @property
    def sha256(self) -> str:
        """The vocabulary's checksum."""

    @property
    def window(self) -> int:
        """Most tokens in a sample, marks included."""

    def material(self) -> dict[str, Any]:
        """The settings that shape samples, for the key of the cache."""


class TokenSource(Protocol):
    """A data set whose samples are rows of tokens."""

    @property
    def sha256(self) -> str:
        """Of the file that it was read from."""

    @property
    def spec(self) -> TextSpec:
        """How it was cut."""

    @property
    def tokenizer_version(self) -> str:
        """The version of what cut it."""

    def __len__(self) -> int:
        """How many samples there are."""

    def sample(self, index: int) -> tuple[NDArray[np.int32], int]:
        """The tokens of a sample with their marks, and how many are of the first segment."""
