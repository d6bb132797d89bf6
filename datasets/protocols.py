"""What a task and its data sets hand each other: data sets, samples, scores, answers for people."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from loadscope.datasets.metric import ScoreMetric
from loadscope.rundir.accuracy_log import Answer

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total) on long work."""


@dataclass(frozen=True)
class AnswerForm:
    """What a data set and its metric ask of the answers, whatever the model.

    Attributes:
        metric: The metric that answers are scored by; the task's first one where it is empty.
        category_ids: What the data set calls each class of the model, in the model's order; empty
            where answers hold the model's own numbers.
        among: The only classes that may be answered; all where it is empty.
        most_tokens: The most tokens that each sample may be answered with, 0 for as many as the
            model may; empty where the data set bounds none.
    """

    metric: str = ""
    category_ids: tuple[int, ...] = ()
    among: tuple[int, ...] = ()
    most_tokens: tuple[int, ...] = ()


@dataclass(frozen=True)
class Score:
    """What scoring an accuracy log gives.

    Attributes:
        metric: What was scored by.
        value: Its value, in the metric's unit.
        samples: How many samples were scored.
        line: The line for ``accuracy.txt`` in the form that the official checker reads.
        details: Further counts (``{"good": 180}``).
        remark: What is to be said beside the value wherever it is shown; empty as a rule.
    """

    metric: ScoreMetric
    value: float
    samples: int
    line: str
    details: dict[str, Any] = field(default_factory=dict)
    remark: str = ""


class Dataset(Protocol):
    """A data set on disk, read and checked, without its samples in memory.

    Attributes:
        path: Its folder or file.
        answer_form: What is asked of the answers.
        unscored: Why answers cannot be scored (``no labels``); empty where they can be.
    """

    path: Path
    answer_form: AnswerForm
    unscored: str

    def __len__(self) -> int:
        """How many samples it has, after a limit has been applied."""

    def full_size(self) -> int:
        """How many samples it has without a limit."""

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over names, labels and the contents of every sample.

        With a cache folder, files that have not changed since an earlier run are not read again.
        """

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """Score answers from an accuracy log alone.

        With ``among`` only those samples count, and answers to others are passed over.

        Of a sample's several answers the first counts, as in the official scripts: LoadGen
        repeats samples to fill MultiStream's last query.

        Raises:
            WorkError: A sample is not answered, or by bytes of the wrong size; or there is
                nothing to score answers by (``unscored``).
        """


@dataclass(frozen=True)
class DataSample:
    """One sample of a data set; ``index`` is its position there."""

    dataset: Dataset
    index: int


PLAIN = AnswerForm()
"""Of a data set that asks for nothing."""
