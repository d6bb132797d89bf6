"""TEST06: whether generated answers are whole, as the official ``run_verification.py`` looks.

Of each answer that was sampled in the performance mode: the first token that LoadGen was told of
is the answer's first, at most one token that ends an answer stands at its end, and as many tokens
were told of as there are.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from loadscope.rundir.accuracy_log import Answer

_TOKEN = np.dtype("<i4")


@dataclass(frozen=True)
class TokensJudgement:
    """What the answers of a TEST06 are.

    Attributes:
        answers: How many were sampled.
        first: Whether first tokens are the answers' first; None in Offline, which has none.
        ends: Whether none has several ending tokens.
        lengths: Whether counts are the answers' lengths.
        fault: The first fault, with its sample.
    """

    answers: int
    first: bool | None
    ends: bool
    lengths: bool
    fault: str

    @property
    def passed(self) -> bool:
        """Whether there is an answer, and nothing is wrong with any."""
        return bool(self.answers) and self.first is not False and self.ends and self.lengths

    @property
    def reason(self) -> str:
        """Why it failed; empty if it did not."""
        if self.passed:
            return ""
        return self.fault or "no answer was sampled"

    def text(self) -> str:
        """The contents of ``verify_accuracy.txt``, in the official words."""
        first = "Skipped" if self.first is None else str(self.first)
        return (
            f"First token check pass: {first}\n"
            f"EOS check pass: {self.ends and bool(self.answers)}\n"
            f"Sample length check pass: {self.lengths and bool(self.answers)}\n"
            f"TEST06 verification {'complete' if self.passed else 'failed'}\n"
        )


def judge_tokens(answers: Iterable[Answer], end: Iterable[int], offline: bool) -> TokensJudgement:
    """Look at every sampled answer.

    Args:
        answers: Those of the test's accuracy log, ``<i4`` token ids.
        end: The tokens that end an answer.
        offline: Whether the scenario has no first tokens.
    """
    ending = frozenset(end)
    count, first, ends, lengths, fault = 0, True, True, True, ""
    for answer in answers:
        count += 1
        whole = len(answer.payload) // _TOKEN.itemsize
        tokens = np.frombuffer(answer.payload, _TOKEN, whole).tolist()
        faults = []
        told = np.frombuffer(answer.first or b"", _TOKEN).tolist()
        if not offline and (not told or told != tokens[: len(told)]):
            first = False
            faults.append(f"first token {told}, the answer begins {tokens[:1]}")
        if sum(token in ending for token in tokens[-2:]) > 1:
            ends = False
            faults.append("two tokens that end an answer")
        if len(answer.payload) % _TOKEN.itemsize or answer.tokens != whole:
            lengths = False
            faults.append(f"LoadGen was told of {answer.tokens} tokens, there are {whole}")
        if faults and not fault:
            fault = f"sample {answer.index}: {faults[0]}"
    return TokensJudgement(count, None if offline else first, ends, lengths, fault)
