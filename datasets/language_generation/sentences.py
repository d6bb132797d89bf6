"""Sentences of a text, which ROUGE-Lsum takes apart.

MLPerf's script takes NLTK's ``sent_tokenize``, whose model ``punkt_tab`` is data that NLTK
downloads. Where it lies on this machine it is used; nothing is ever downloaded, and a rule
stands in, which a score's details then say.
"""

import re
from collections.abc import Callable

_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")
_SHORT = re.compile(
    r"(?:^|\s)(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|Inc|Ltd|Co|Gen|Gov|Sen|Rep|No)\.$"
)
"""What ends with a full stop and ends no sentence."""

Splitter = Callable[[str], list[str]]
"""Cuts a text into sentences."""


def splitter() -> tuple[str, Splitter]:
    """How sentences are told here: ``punkt`` or ``rule``, and what does it."""
    from nltk import data, sent_tokenize

    try:
        data.find("tokenizers/punkt_tab/english/")
    except LookupError:
        return "rule", by_rule
    return "punkt", sent_tokenize


def by_rule(text: str) -> list[str]:
    """Cut after a full stop, question or exclamation mark, before a capital or a digit.

    Args:
        text: Without blanks at its ends. A line break ends a sentence too.
    """
    found: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        start = 0
        for match in _END.finditer(line):
            if not _SHORT.search(line[start : match.start()]):
                found.append(line[start : match.end()].strip())
                start = match.end()
        found.append(line[start:])
    return found
