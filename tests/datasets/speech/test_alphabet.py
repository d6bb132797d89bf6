"""Texts as payloads of 42 characters."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadscope.datasets.speech_recognition.alphabet import CHARACTERS, decoded, encoded


def test_the_alphabet_is_the_benchmarks():
    assert len(CHARACTERS) == 42
    assert CHARACTERS[0] == " " and CHARACTERS[27] == "'" and CHARACTERS[28] == "0"
    assert CHARACTERS[38:] == "$%+-"
    assert encoded("A z'").tolist() == [1, 0, 26, 27]
    assert encoded("A").dtype == np.dtype("<i8")


@given(st.text(CHARACTERS, max_size=40))
def test_what_is_in_the_alphabet_comes_back(text):
    assert decoded(encoded(text).tobytes()) == text.strip()


@given(st.text(max_size=40))
def test_what_is_not_is_left_out(text):
    kept = decoded(encoded(text).tobytes())
    assert kept is not None and set(kept) <= set(CHARACTERS)


def test_payloads_that_are_no_text():
    assert decoded(b"1234") is None
    assert decoded(np.array([42], "<i8").tobytes()) is None
    assert decoded(np.array([-1], "<i8").tobytes()) is None
