"""Recordings of an answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.playing.parts import Timed, Waveform

MOST_PEAKS = 400
"""As many as a card is pixels wide."""


def waveform(samples: NDArray[Any], rate: int, text: str, words: Sequence[Timed] = ()) -> Waveform:
    """A recording to show.

    Args:
        samples: ``(count,)``, floats from -1 to 1.
        rate: Of them, in Hz.
        text: What was heard.
        words: Pieces of it where their times are known.
    """
    amplitudes = np.abs(np.asarray(samples, np.float64)).clip(0, 1)
    pieces = np.array_split(amplitudes, min(MOST_PEAKS, len(amplitudes))) if len(amplitudes) else []
    peaks = tuple(round(float(piece.max()), 4) for piece in pieces)
    return Waveform(len(amplitudes) / rate, peaks, text, tuple(words))
