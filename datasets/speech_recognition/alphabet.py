"""A transcript as LoadGen's log keeps it: the place of each character in 42.

Source: ``labels`` of mlcommons/inference, ``speech2text/reference_SUT.py`` and
``accuracy_eval.py``; answers are ``int64`` there, so that a character takes eight bytes.
"""

import string

import numpy as np
from numpy.typing import NDArray

CHARACTERS = f" {string.ascii_lowercase}'{string.digits}$%+-"
"""A transcript is of these alone."""

_PLACES = {character: place for place, character in enumerate(CHARACTERS)}


def known(text: str) -> str:
    """A text in lower case without what is not in the alphabet, nor blanks around it.

    Letters beyond English ones are left out, not replaced.
    """
    return "".join(one for one in text.lower().strip() if one in _PLACES)


def encoded(text: str) -> NDArray[np.int64]:
    """A text as a payload: ``(characters,)`` ``<i8``; of an empty text it is empty."""
    return np.array([_PLACES[one] for one in known(text)], "<i8")


def decoded(payload: bytes) -> str | None:
    """The text of a payload; None where it is no text of the alphabet."""
    if len(payload) % 8:
        return None
    places = np.frombuffer(payload, "<i8")
    if places.size and not 0 <= places.min() <= places.max() < len(CHARACTERS):
        return None
    return "".join(CHARACTERS[place] for place in places.tolist())
