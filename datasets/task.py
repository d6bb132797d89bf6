"""What a task must offer so that LoadGen can be run on it and its answers be scored."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from loadscope.rundir.accuracy_log import Answer as Answer
from loadscope.tensors import Tensors

Payloads = NDArray[np.float32] | Sequence[NDArray[Any]]
"""What LoadGen is handed, one row or one array a sample, always little-endian.

A C-contiguous ``(batch, k)`` array of ``<f4`` where every answer has the same length,
otherwise one C-contiguous array a sample.
"""

Postprocess = Callable[[Tensors, Sequence[int]], Payloads]
"""Turns a batch's outputs into payloads; the second argument holds the sample indices."""

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total) on long work."""


@dataclass(frozen=True)
class AnswerForm:
    """What a data set and its metric ask of the answers, whatever the model.

    Attributes:
        metric: The metric that answers are scored by; the task's first one where it is empty.
        category_ids: What the data set calls each class of the model, in the model's order; empty
            where answers hold the model's own numbers.
    """

    metric: str = ""
    category_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Score:
    """What scoring an accuracy log gives.

    Attributes:
        metric: The metric's name (``top-1``).
        value: Its value in percent.
        samples: How many samples were scored.
        line: The line for ``accuracy.txt`` in the form that the official checker reads.
        details: Further counts (``{"good": 180}``).
    """

    metric: str
    value: float
    samples: int
    line: str
    details: dict[str, Any] = field(default_factory=dict)


class LoadableSamples(Protocol):
    """The samples that LoadGen may ask for (its QSL), behind indices."""

    def __len__(self) -> int:
        """How many samples there are."""

    def load(self, indices: Sequence[int]) -> None:
        """Bring these samples into memory, ready to be fed."""

    def unload(self, indices: Sequence[int]) -> None:
        """Drop these samples from memory."""


class SampleLibrary(LoadableSamples, Protocol):
    """Samples that a model in this process can be fed with.

    ``batch`` may be called from several threads at once, and only for loaded samples.
    """

    def batch(self, indices: Sequence[int]) -> Tensors:
        """The model's inputs for these samples, batch axis first, native byte order.

        They are valid until the same thread asks for its next batch.
        """


@runtime_checkable
class OrderedLibrary(SampleLibrary, Protocol):
    """A library whose samples differ in size, so that it matters which share a batch."""

    def order(self, indices: Sequence[int]) -> Sequence[int]:
        """The positions 0 to len(indices) - 1, those of like samples next to each other.

        The largest come first, so that no worker is left with a large batch at the end.
        """


@runtime_checkable
class ContiguousLibrary(SampleLibrary, Protocol):
    """A library that gives a batch of neighbours in its memory out as they lie there."""

    def in_runs(self, indices: Sequence[int]) -> Sequence[int]:
        """The positions 0 to len(indices) - 1, with neighbours in memory one after the other."""


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
