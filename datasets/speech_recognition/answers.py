"""From token numbers to texts in the payload's alphabet.

Imports numpy alone, because it runs in the measured process.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from loadscope.datasets.generation import TOKENS
from loadscope.datasets.speech_recognition.alphabet import encoded
from loadscope.datasets.speech_recognition.pieces import Pieces
from loadscope.datasets.task import Postprocess
from loadscope.errors import WorkError
from loadscope.tensors import Tensors


def postprocess(pieces: Pieces) -> Postprocess:
    """Make the function from rows of token numbers to payloads.

    Args:
        pieces: What they stand for.

    Returns:
        A function that gives one ``<i8`` array a sample; an empty text has an empty one. It raises
        WorkError where a number has no piece.
    """

    def payloads(outputs: Tensors, indices: Sequence[int]) -> list[NDArray[Any]]:
        given = zip(outputs[TOKENS], indices, strict=True)
        return [encoded(_text(row, index, pieces)) for row, index in given]

    return payloads


def _text(row: NDArray[Any], index: int, pieces: Pieces) -> str:
    if row.size and not 0 <= row.min() <= row.max() < len(pieces):
        raise WorkError(
            f"sample {index} is answered with token {row.max()}, of {len(pieces)} that there are",
            "give the vocabulary of the model",
        )
    return pieces.text(row.tolist())
