"""ROUGE of generated answers, as MLPerf's script for CNN/DailyMail has it.

F-measures of ROUGE-1, -2, -L and -Lsum (Lin, 2004) with Porter's stemmer, from Google's package
``rouge-score``, the mean over samples in percent with four decimals. For ROUGE-Lsum sentences
stand on lines of their own. ``gen_len`` is the sum of the answers' lengths in characters, which is
what the round bounds under that name.
"""

import os
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from loadscope.datasets.language_generation.sentences import splitter
from loadscope.datasets.language_generation.tokenizer import TextTokenizer
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.task import Answer, Progress, Score
from loadscope.errors import InputError, WorkError

ROUGE = {name: ScoreMetric(name, unit="") for name in ("rouge1", "rouge2", "rougeL", "rougeLsum")}
"""Values are 0 to 100, as the round gives them."""

_TOKEN_BYTES = 4
_CHUNK = 64
_STEMS = 1 << 17
"""Words that are kept."""
_SPREAD = 8 * _CHUNK
"""From so many samples on, further processes score too."""


def score_answers(
    answers: Iterable[Answer],
    references: Sequence[str],
    tokenizer: TextTokenizer,
    metric: ScoreMetric,
    progress: Progress | None = None,
) -> Score:
    """Score generated tokens; of a sample's several answers the first counts.

    Args:
        answers: In any order, each ``<i4`` token ids.
        references: What each sample should be answered with.
        tokenizer: Makes texts of the tokens; special ones are left out.
        metric: One of ``ROUGE``.
        progress: Told of the work.

    Returns:
        ``details`` has all four, ``gen_len``, ``gen_num``, ``tokens_per_sample`` (the one that
        ends an answer included), how many answers are empty, and how sentences were told.

    Raises:
        InputError: The package is not installed.
        WorkError: A sample is not answered, or with bytes that are no int32 tokens.
    """
    _require_package()
    tokens = _tokens(answers, len(references))
    texts = [tokenizer.decode(one) for one in tokens]
    kind, split = splitter()
    pairs = [
        ("\n".join(split(reference.strip())), "\n".join(split(text.strip())))
        for reference, text in zip(references, texts, strict=True)
    ]
    found = _scores(pairs, progress)
    means = {name: round(float(np.mean(found[:, at])) * 100, 4) for at, name in enumerate(ROUGE)}
    counts = {
        "gen_len": sum(len(text) for _, text in pairs),
        "gen_num": len(pairs),
        "tokens_per_sample": round(sum(map(len, tokens)) / len(tokens), 4),
    }
    # The form in which MLPerf's script prints, whose line its checker reads.
    line = str({name: f"{value}" for name, value in means.items()} | counts)
    details = means | counts | {"empty": sum(not text for _, text in pairs), "sentences": kind}
    return Score(metric, means[metric.name], len(pairs), line, details)


def _tokens(answers: Iterable[Answer], samples: int) -> list[list[int]]:
    found: list[list[int] | None] = [None] * samples
    for answer in answers:
        if answer.index >= samples:
            raise WorkError(
                f"the log answers sample {answer.index}; there are {samples}",
                "score it with the data set of the run",
            )
        if not answer.payload or len(answer.payload) % _TOKEN_BYTES:
            raise WorkError(
                f"sample {answer.index} is answered with {len(answer.payload)} bytes, expected "
                "int32 token ids",
                "score a log of this task",
            )
        if found[answer.index] is None:
            found[answer.index] = np.frombuffer(answer.payload, "<i4").tolist()
    missing = [index for index, tokens in enumerate(found) if tokens is None]
    if missing:
        raise WorkError(
            f"{len(missing)} of {samples} samples are not answered, the first is {missing[0]}",
            "run accuracy mode again",
        )
    return [tokens for tokens in found if tokens is not None]


def _scores(pairs: Sequence[tuple[str, str]], progress: Progress | None) -> Any:
    """The F-measures of each pair, ``(samples, 4)``, in [0, 1]."""
    chunks = [pairs[at : at + _CHUNK] for at in range(0, len(pairs), _CHUNK)]
    rows: list[list[float]] = []

    def take(chunk: list[list[float]]) -> None:
        rows.extend(chunk)
        if progress is not None:
            progress("scoring answers", len(rows), len(pairs))

    workers = min(len(os.sched_getaffinity(0)), len(chunks))
    if len(pairs) < _SPREAD or workers < 2:
        for chunk in chunks:
            take(_measure(chunk))
        return np.array(rows)
    # The measured process imports this file and never scores.
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Not forked: the caller may have threads.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for scored in pool.map(_measure, chunks):
            take(scored)
    return np.array(rows)


def _measure(pairs: Sequence[tuple[str, str]]) -> list[list[float]]:
    scorer = _scorer()
    rows = []
    for reference, text in pairs:
        found = scorer.score(reference, text)
        rows.append([float(found[name].fmeasure) for name in ROUGE])
    return rows


class _Words:
    """The package's own tokenizer and stemmer, each word stemmed once: news repeats them."""

    def __init__(self) -> None:
        from nltk.stem.porter import PorterStemmer
        from rouge_score.tokenize import tokenize

        self._tokenize = tokenize
        self.stem = lru_cache(_STEMS)(PorterStemmer().stem)

    def tokenize(self, text: str) -> list[str]:
        """The words of a text."""
        words: list[str] = self._tokenize(text, self)
        return words


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(ROUGE), tokenizer=_Words())


def _require_package() -> None:
    try:
        import rouge_score  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"ROUGE needs the package rouge-score: {error}", "pip install 'loadscope[language]'"
        ) from error
