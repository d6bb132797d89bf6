"""The pieces of words that a model's token numbers stand for.

The form is that of Moonshine's ``tokenizer.bin``, as the file itself shows: the pieces in the order
of their numbers, each behind its length in bytes. A length from 128 on takes two bytes, the first
less 128 and 128 times the second. Numbers 0 to 2 are marks (unknown, start, end), those of one
byte stand for that byte, a blank is U+2581, and names in double angle brackets are marks too.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from loadscope.errors import InputError

_MARKS = 3
_BLANK = "\u2581"
_LONG = 128


class Pieces:
    """A table of pieces; decodes alone.

    Args:
        pieces: The bytes of each.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = [
            b"" if at < _MARKS or (piece[:2] == b"<<" and piece[-2:] == b">>") else piece
            for at, piece in enumerate(pieces)
        ]

    @classmethod
    def read(cls, path: Path) -> "Pieces":
        """Read a table.

        Raises:
            InputError: It cannot be read, or ends inside a piece.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"cannot read the vocabulary {path}: {error.strerror}", "fetch the model again"
            ) from error
        pieces, place = [], 0
        try:
            while place < len(content):
                count, place = content[place], place + 1
                if count >= _LONG:
                    count, place = count - _LONG + _LONG * content[place], place + 1
                if place + count > len(content):
                    raise IndexError
                pieces.append(content[place : place + count])
                place += count
        except IndexError:
            raise InputError(
                f"the vocabulary {path} ends inside piece {len(pieces)}", "fetch the model again"
            ) from None
        if len(pieces) <= _MARKS:
            raise InputError(
                f"the vocabulary {path} has {len(pieces)} pieces, no more than its marks",
                "give the tokenizer.bin of the model",
            )
        return cls(pieces)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._pieces)

    def text(self, numbers: Iterable[int]) -> str:
        """The text of token numbers; bytes that are no UTF-8 become U+FFFD.

        Raises:
            IndexError: There is no such piece.
        """
        return self.bytes(numbers).decode(errors="replace").replace(_BLANK, " ").strip()

    def bytes(self, numbers: Iterable[int]) -> bytes:
        """The bytes of token numbers, one behind the other."""
        return b"".join(self._pieces[number] for number in numbers)
