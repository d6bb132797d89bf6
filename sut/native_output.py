"""What a framework's native code writes to standard error, held back."""

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator

_ONE = threading.RLock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back what C++ writes to standard error; a failure brings it out again."""
    with held_back() as said:
        try:
            yield
        except BaseException:
            os.write(said.kept, said.read())
            raise


class HeldBack:
    """What was written while it is held back.

    Attributes:
        kept: The file descriptor of the standard error that is there otherwise.
    """

    def __init__(self, kept: int, memory: int) -> None:
        self.kept, self._memory = kept, memory

    def read(self) -> bytes:
        """All of it so far."""
        return os.pread(self._memory, os.fstat(self._memory).st_size, 0)

    def lines(self) -> list[str]:
        """All of it so far, by lines that are not empty."""
        text = self.read().decode("utf-8", "replace")
        return [line.strip() for line in text.splitlines() if line.strip()]


@contextlib.contextmanager
def held_back() -> Iterator[HeldBack]:
    """Hold back what C++ writes to standard error, to be read; by one thread at a time."""
    with _ONE, tempfile.TemporaryFile() as memory:
        kept = os.dup(2)
        os.dup2(memory.fileno(), 2)
        try:
            yield HeldBack(kept, memory.fileno())
        finally:
            os.dup2(kept, 2)
            os.close(kept)
