"""A predicted span of tokens back to the letters of the passage."""

from loadscope.datasets.texts.wordpiece import UncasedWordPiece


def original_text(said: str, passage: str, wordpiece: UncasedWordPiece) -> str:
    """The part of a passage that tokens stand for, with its own case, accents and spacing.

    The rule is that of the official scripts: the passage is normalised word by word, the
    tokens are looked for in the result, and the place is carried over by counting characters
    other than blanks. Where the counts differ (a character was dropped or replaced) or the
    tokens are not found, the whole of the passage is the answer.

    Args:
        said: The tokens, spelled as words.
        passage: The words of the context that the tokens belong to, joined by blanks.
        wordpiece: Normalises as the tokens were.
    """
    normal = wordpiece.words(passage)
    start = normal.find(said)
    places = [at for at, letter in enumerate(passage) if letter != " "]
    if start < 0 or not said or len(places) != len(normal) - normal.count(" "):
        return passage
    before = start - normal.count(" ", 0, start)
    letters = len(said) - said.count(" ")
    return passage[places[before] : places[before + letters - 1] + 1]
