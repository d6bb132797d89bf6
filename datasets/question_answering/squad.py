"""A question set in the format of SQuAD v1.1, cut into the samples that LoadGen asks for."""

import copy
import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.manifest import Manifest
from loadscope.datasets.adapters.rows import table_in
from loadscope.datasets.question_answering.squad_align import original_text
from loadscope.datasets.question_answering.squad_json import Questions, read_squad
from loadscope.datasets.question_answering.squad_logits import F1
from loadscope.datasets.question_answering.squad_metrics import exact_match, f1
from loadscope.datasets.question_answering.squad_spans import best_of_questions, best_spans
from loadscope.datasets.question_answering.squad_table import read_table
from loadscope.datasets.question_answering.squad_windows import Windows, make_windows
from loadscope.datasets.question_answering.wordpiece_spec import LONGEST_WINDOW, WordPieceSpec
from loadscope.datasets.selection import selected
from loadscope.datasets.task import Answer, AnswerForm, Progress, Score
from loadscope.datasets.texts.wordpiece import TOKENIZERS_VERSION, UncasedWordPiece
from loadscope.errors import InputError, WorkError

QUESTIONS = "dev-v1.1.json"

_NO_ANSWER = "empty"  # what the official scripts answer where no pair is allowed
_PAYLOAD_BYTES = LONGEST_WINDOW * 2 * 4
_QUESTIONS_A_REPORT = 256
_FIX = "score the log of this data set and model, or run accuracy mode again"


class Squad:
    """Questions on passages. A ``Dataset``; a sample is one window, as in MLPerf.

    A limit keeps the first windows; scored are the questions that have a window among them, each
    from the windows that it has.

    Attributes:
        path: The file, or the folder that it is in.
        sha256: Digest of the file.
        questions: The questions.
        windows: The samples, after the limit.
        spec: What they were made with.
        answer_form: Pairs of scores, whatever the questions.
        unscored: Empty: ``read_squad`` takes no question without an answer.
        tokenizer_version: Of what cuts texts.
    """

    answer_form = AnswerForm()
    unscored = ""
    tokenizer_version = TOKENIZERS_VERSION

    def __init__(
        self,
        path: Path,
        sha256: str,
        questions: Questions,
        spec: WordPieceSpec,
        limit: int | None,
    ) -> None:
        self.path = path
        self.sha256 = sha256
        self.questions = questions
        self.spec = spec
        self._wordpiece = UncasedWordPiece(spec)
        whole = make_windows(questions, spec, self._wordpiece)
        self._full_size = len(whole.rows)
        if limit is not None and not 1 <= limit <= self._full_size:
            raise InputError(
                f"a limit of {limit} samples does not fit {path}, which has {self._full_size} "
                f"windows of {spec.window} tokens",
                f"choose 1 to {self._full_size}",
            )
        self.windows = Windows(whole.passages, whole.asked, whole.rows[:limit], whole.owners)

    @classmethod
    def read(
        cls, path: Path, limit: int | None, spec: WordPieceSpec, form: Manifest | None = None
    ) -> "Squad":
        """Read and check a question set, and cut it into windows.

        Args:
            path: The file, or a folder with ``dev-v1.1.json`` or a table in it.
            limit: Take only the first windows.
            spec: How to cut, with the vocabulary in place.
            form: Of a table of questions; see ``squad_table``.

        Raises:
            InputError: The file is missing or malformed (see ``read_squad``), the vocabulary is
                unusable, or the limit is below 1 or above the number of windows.
        """
        file = path / QUESTIONS if path.is_dir() else path
        if form is not None or (not (path / QUESTIONS).exists() and table_in(path) is not None):
            form = form or Manifest()
            file = form.table(path)
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputError(
                f"cannot read the questions {file}: {error.strerror}",
                f"give a folder with {QUESTIONS}; `loadscope datasets` tells where to get one",
            ) from error
        sha256 = hashlib.sha256(content).hexdigest()
        questions = read_squad(file, content) if form is None else read_table(file, form)
        return cls(path, sha256, questions, spec, limit)

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return len(self.windows.rows)

    def full_size(self) -> int:
        """How many samples there are without a limit."""
        return self._full_size

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over the file, the number of samples and what they were cut with."""
        text = f"{self.sha256} {len(self)} {sorted(self.spec.material().items())}"
        return hashlib.sha256(text.encode()).hexdigest()

    def sample(self, index: int) -> tuple[NDArray[np.int32], int]:
        """The tokens of a sample with their marks, and how many come before the context."""
        question, start, size, _ = self.windows.rows[index].tolist()
        asked = self.windows.asked[question]
        passage = self.windows.passages[self.questions.questions[question].context]
        cls, sep = self._wordpiece.cls, self._wordpiece.sep
        context = passage.ids[start : start + size]
        tokens = np.concatenate([[cls], asked, [sep], context, [sep]]).astype(np.int32)
        return tokens, len(asked) + 2

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """Exact match and F1 of the official v1.1 evaluation, over the questions.

        With ``among``, a question is asked of those of its windows that are among them.

        Raises:
            WorkError: A sample is not answered, or by bytes that are not 384 pairs of scores.
        """
        if among is not None:
            chosen = sorted(set(among))
            part = copy.copy(self)
            part.windows = replace(self.windows, rows=self.windows.rows[chosen])
            return part.score(selected(answers, chosen), progress)
        report = progress or (lambda what, done, total: None)
        predictions = self.predict(_gather(answers, len(self)), report)
        asked = [self.questions.questions[number] for number in predictions]
        said = list(predictions.values())
        total = len(said)
        pairs = [(text, question.answers) for text, question in zip(said, asked, strict=True)]
        exact = 100.0 * sum(exact_match(*pair) for pair in pairs) / total
        value = 100.0 * sum(f1(*pair) for pair in pairs) / total
        return Score(
            metric=F1,
            value=value,
            samples=len(self),
            line=f'{{"exact_match": {_plain(exact)}, "f1": {_plain(value)}}}',
            details={"exact_match": exact, "questions": total},
        )

    def answer(self, index: int, payload: bytes) -> str:
        """The answer to the question of a sample, by that sample alone.

        Raises:
            WorkError: The payload is not 384 pairs of scores.
        """
        part = copy.copy(self)
        part.windows = replace(self.windows, rows=self.windows.rows[[index]])
        logits = _gather([Answer(0, payload)], 1)
        (text,) = part.predict(logits, lambda what, done, total: None).values()
        return text

    def question(self, index: int) -> str:
        """The question of a sample."""
        return self.questions.questions[int(self.windows.rows[index, 0])].text

    def said(self, payloads: Sequence[bytes]) -> str:
        """The answer to the first question, by all of its samples.

        Raises:
            WorkError: A payload is not 384 pairs of scores.
        """
        answers = [Answer(index, payload) for index, payload in enumerate(payloads)]
        logits = _gather(answers, len(self))
        return next(iter(self.predict(logits, lambda what, done, total: None).values()))

    def predict(self, logits: NDArray[np.float32], progress: Progress) -> dict[int, str]:
        """The answer to each question that has a sample, by the question's number.

        Args:
            logits: Start and end scores, ``(samples, 384, 2)``.
            progress: Told of the work.
        """
        spans = best_spans(self.windows, logits, progress)
        best = best_of_questions(self.windows, spans)
        numbers = dict.fromkeys(self.windows.rows[:, 0].tolist())
        found = {}
        for done, number in enumerate(numbers):
            if done % _QUESTIONS_A_REPORT == 0:
                progress("reading answers out of passages", done, len(numbers))
            found[number] = _NO_ANSWER
            if number in best:
                first, last = spans.first[best[number]], spans.last[best[number]]
                found[number] = self._text(number, int(first), int(last))
        progress("reading answers out of passages", len(numbers), len(numbers))
        return found

    def _text(self, question: int, first: int, last: int) -> str:
        passage = self.windows.passages[self.questions.questions[question].context]
        said = self._wordpiece.spell(passage.ids[first : last + 1].tolist())
        words = passage.words[passage.word[first] : passage.word[last] + 1]
        return original_text(said, " ".join(words), self._wordpiece)


def _gather(answers: Iterable[Answer], total: int) -> NDArray[np.float32]:
    logits = np.empty((total, LONGEST_WINDOW, 2), np.float32)
    answered = np.zeros(total, np.bool_)
    for answer in answers:
        if answer.index >= total:
            raise WorkError(f"sample {answer.index} is not among the {total} samples", _FIX)
        if len(answer.payload) != _PAYLOAD_BYTES:
            raise WorkError(
                f"sample {answer.index} is answered with {len(answer.payload)} bytes instead of "
                f"{_PAYLOAD_BYTES}",
                _FIX,
            )
        # LoadGen repeats samples to fill MultiStream's last query; the first answer counts.
        if not answered[answer.index]:
            logits[answer.index] = np.frombuffer(answer.payload, "<f4").reshape(-1, 2)
            answered[answer.index] = True
    missing = np.flatnonzero(~answered)
    if missing.size:
        raise WorkError(f"sample {missing[0]} is not answered ({missing.size} in all)", _FIX)
    bad = np.flatnonzero(np.isnan(logits).any(axis=(1, 2)))
    if bad.size:
        raise WorkError(f"sample {bad[0]} is answered with NaN ({bad.size} in all)", _FIX)
    return logits


def _plain(value: float) -> str:
    """A number without an exponent, which the official checker would not read."""
    return f"{value:.6f}".rstrip("0").removesuffix(".")
