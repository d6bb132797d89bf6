import pytest

from loadscope.datasets.question_answering.squad_align import original_text
from loadscope.datasets.texts.wordpiece import UncasedWordPiece


@pytest.mark.parametrize(
    ("said", "passage", "original"),
    [
        ("steve smith", "Steve Smith's", "Steve Smith"),
        ("ana muller", "Ana Müller", "Ana Müller"),
        ("1740", "(1740-1750).", "1740"),
        ("in 1740", "In  1740,", "In  1740"),
        ("arches", "arches", "arches"),
        # The first place counts where there are two.
        ("carn", "Carn-carn", "Carn"),
        # Unknown tokens are not found: all of the words are the answer.
        ("[UNK]", "«Ñandú»", "«Ñandú»"),
        ("", "Carn", "Carn"),
        # A dropped character (a soft hyphen) leaves nothing to count by.
        ("old bridge", "old\u00ad bridge", "old\u00ad bridge"),
        # One letter that becomes three when accents are taken apart.
        ("carn", "Carn한", "Carn한"),
    ],
)
def test_tokens_are_found_again_in_the_passage(
    wordpiece: UncasedWordPiece, said: str, passage: str, original: str
) -> None:
    assert original_text(said, passage, wordpiece) == original
