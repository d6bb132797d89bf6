"""Exact match and F1 as the official SQuAD v1.1 evaluation defines them.

Source of the rules: the SQuAD paper (Rajpurkar et al., 2016, section 6.1) and its evaluation
script: case, ASCII punctuation, the words a, an and the, and surplus blanks do not count.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def comparable(text: str) -> str:
    """A text without what does not count: lower case, words separated by one blank."""
    bare = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 where the prediction is one of the answers, else 0.0."""
    said = comparable(prediction)
    return float(any(said == comparable(answer) for answer in answers))


def f1(prediction: str, answers: Sequence[str]) -> float:
    """The best harmonic mean of precision and recall over words, 0 to 1.

    Two texts without a word in common have 0, even where both are empty.
    """
    said = comparable(prediction).split()
    return max(_overlap(said, comparable(answer).split()) for answer in answers)


def _overlap(said: list[str], wanted: list[str]) -> float:
    common = (Counter(said) & Counter(wanted)).total()
    if not common:
        return 0.0
    precision, recall = common / len(said), common / len(wanted)
    return 2 * precision * recall / (precision + recall)
