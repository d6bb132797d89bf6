"""Word error rate of transcripts, plain and by the rule of MLPerf's whisper benchmark.

Both compare texts as ``EnglishTextNormalizer`` of Whisper's authors leaves them (numbers as
figures, contractions spelled out, British spellings American, no punctuation, no 'um'), word by
word, and sum errors over all samples before they divide.

MLPerf's rule (mlcommons/inference, ``speech2text/helpers.py``) takes up to three words written
together for the same as apart: 'dash wood' is 'dashwood'. It looks for them from the left, place by
place, so that behind a word that is put in it finds none; then it counts errors in what it has.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.speech_recognition.alphabet import decoded, known
from loadscope.datasets.task import Answer, Progress, Score
from loadscope.errors import InputError, WorkError

WER = ScoreMetric("wer", better="lower", most=float("inf"))
"""Plain: words replaced, left out and put in, over the words said; more can be put in than said."""
WORD_ACCURACY = ScoreMetric("word-accuracy", least=-float("inf"))
"""100 % less the word error rate by MLPerf's rule, which may pass 100 %."""

_TOGETHER = 3
_ANSWERS_A_REPORT = 64


@dataclass(frozen=True)
class Errors:
    """What is wrong in a transcript.

    Attributes:
        words: Words that were said.
        replaced: Words heard as another.
        left_out: Words not heard.
        put_in: Words heard that were not said.
        official: Errors by MLPerf's rule.
    """

    words: int = 0
    replaced: int = 0
    left_out: int = 0
    put_in: int = 0
    official: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(
            self.words + other.words,
            self.replaced + other.replaced,
            self.left_out + other.left_out,
            self.put_in + other.put_in,
            self.official + other.official,
        )

    @property
    def plain(self) -> int:
        """Errors of the plain rate."""
        return self.replaced + self.left_out + self.put_in


def normalizer() -> Callable[[str], str]:
    """Whisper's English normaliser.

    Raises:
        InputError: It, or what counts errors, is not installed.
    """
    try:
        import jiwer  # noqa: F401 (what `errors` needs, told before a log is read)

        # Its documentation has a backslash that Python warns of when it compiles the file.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from whisper_normalizer.english import EnglishTextNormalizer
    except ImportError:
        raise InputError(
            "word error rates need jiwer and whisper-normalizer, which are not installed",
            "pip install 'loadscope[speech]'",
        ) from None
    made: Callable[[str], str] = EnglishTextNormalizer()
    return made


def errors(heard: Sequence[str], said: Sequence[str]) -> Errors:
    """Count what is wrong in words that are normalised.

    Args:
        heard: The answer.
        said: The transcript; where it is empty all that was heard is put in.
    """
    import jiwer

    plain: Any = jiwer.process_words(" ".join(said), " ".join(heard))
    first, second = paired(heard, said)
    official: Any = jiwer.process_words(" ".join(second), " ".join(first))
    return Errors(
        len(said),
        plain.substitutions,
        plain.deletions,
        plain.insertions,
        official.substitutions + official.deletions + official.insertions,
    )


def paired(heard: Sequence[str], said: Sequence[str]) -> tuple[list[str], list[str]]:
    """Both texts with words joined that the other has in one, by MLPerf's rule.

    From the left: equal words are a pair; else the fewest words, up to three, that together are
    the other's next word are joined (of the transcript before those of the answer); else the two
    words are a pair that differs. What is left at the end of one stays.
    """
    first, second = list(heard), list(said)
    place = 0
    while place < min(len(first), len(second)):
        if first[place] != second[place]:
            for count in range(2, _TOGETHER + 1):
                if _joins(second, place, count, first[place]) or _joins(
                    first, place, count, second[place]
                ):
                    break
        place += 1
    return first, second


def _joins(words: list[str], place: int, count: int, wanted: str) -> bool:
    """Join words in place where together they are the wanted one."""
    part = words[place : place + count]
    if len(part) < count or "".join(part) != wanted:
        return False
    words[place : place + count] = [wanted]
    return True


def score_transcripts(
    answers: Iterable[Answer],
    texts: Sequence[str],
    metric: ScoreMetric,
    progress: Progress | None = None,
) -> Score:
    """Compare answers with transcripts; of a sample's several answers the first counts.

    Args:
        answers: In any order, payloads of ``alphabet.encoded``.
        texts: What was said, of each sample.
        metric: ``WER`` or ``WORD_ACCURACY``.
        progress: Told how many samples are compared.

    Returns:
        ``value`` is in percent; ``details`` has both metrics and the counts; ``line`` is in the
        form that the round's checker reads, by MLPerf's rule.

    Raises:
        InputError: What compares texts is not installed.
        WorkError: A sample is not answered, or with what is no text; or nothing was said.
    """
    heard: dict[int, str] = {}
    for answer in answers:
        if not 0 <= answer.index < len(texts):
            raise WorkError(f"sample {answer.index} is not of the {len(texts)} of the data set")
        text = decoded(answer.payload)
        if text is None:
            raise WorkError(
                f"sample {answer.index} is answered with {len(answer.payload)} bytes that are no "
                "text of the benchmark's alphabet",
                "the run is not to be trusted: run it again",
            )
        heard.setdefault(answer.index, text)
    missing = [index for index in range(len(texts)) if index not in heard]
    if missing:
        raise WorkError(
            f"{len(missing)} of {len(texts)} samples are not answered, the first one {missing[0]}",
            "run again in mode accuracy",
        )
    normalise, whole = normalizer(), Errors()
    for index, text in enumerate(texts):
        if progress and index % _ANSWERS_A_REPORT == 0:
            progress("comparing transcripts", index, len(texts))
        said = normalise(known(text)).split()
        whole += errors(normalise(heard[index]).split(), said)
    if not whole.words:
        raise WorkError("no word was said in any sample, so there is no word error rate")
    if progress:
        progress("comparing transcripts", len(texts), len(texts))
    return _score(whole, metric, len(texts))


def _score(whole: Errors, metric: ScoreMetric, samples: int) -> Score:
    rate, official = 100 * whole.plain / whole.words, 100 * whole.official / whole.words
    values = {WER.name: rate, WORD_ACCURACY.name: 100 - official}
    # The checker's pattern takes figures and points alone: no exponent.
    line = f"Word Error Rate: {official:.6f}%, accuracy={100 - official:.6f}%"
    details = {
        "words": whole.words,
        "replaced": whole.replaced,
        "left out": whole.left_out,
        "put in": whole.put_in,
        **values,
    }
    return Score(metric, values[metric.name], samples, line, details)
