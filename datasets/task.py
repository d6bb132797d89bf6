"""What a task must offer so that LoadGen can be run on it and its answers be scored."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.adapter import Adapter
from loadscope.datasets.declared import (
    Asked,
    DeclaredModel,
    Draft,
    FileModel,
    Misfit,
    ModelInput,
    NeededFile,
)
from loadscope.datasets.generation import Generation
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import Published as Published
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.playing import Ask, Part, Plain
from loadscope.datasets.playing import Shown as Shown
from loadscope.datasets.protocols import PLAIN as PLAIN
from loadscope.datasets.protocols import AnswerForm as AnswerForm
from loadscope.datasets.protocols import DataSample as DataSample
from loadscope.datasets.protocols import Dataset as Dataset
from loadscope.datasets.protocols import Progress as Progress
from loadscope.datasets.protocols import Score as Score
from loadscope.errors import InputError
from loadscope.rundir.accuracy_log import Answer as Answer
from loadscope.tensors import Tensors

Payloads = NDArray[np.float32] | Sequence[NDArray[Any]]
"""What LoadGen is handed, one row or one array a sample, always little-endian.

A C-contiguous ``(batch, k)`` array of ``<f4`` where every answer has the same length,
otherwise one C-contiguous array a sample.
"""

Postprocess = Callable[[Tensors, Sequence[int]], Payloads]
"""Turns a batch's outputs into payloads; the second argument holds the sample indices."""


class Task(ABC):
    """From a folder of data to LoadGen's samples, and from outputs to a score.

    A task is found by the entry point of its name in the group ``loadscope.tasks``, and nothing
    outside its own folder names it. ``library`` and ``postprocess`` run in the measured process
    and import nothing heavy.

    Attributes:
        name: The value of ``task`` in a manifest, and the name of the entry point.
        title: For people.
        metrics: What answers can be scored by, the usual one first.
        preprocess_type: The dataclass that a manifest's ``preprocess`` must fit.
        postprocess_type: Likewise for ``postprocess``; a union's members are told apart by their
            field ``kind``.
        inputs: What models take: ``images``, ``texts`` or another word. A backend's option that
            makes a difference for some inputs alone names them.
        payload: What payloads hold: ``classes``, the first of which is the answer, or
            ``numbers``, which are compared as the outputs are.
        packages: Import names of what the task takes beside the suite's own needs.
        install: The command that brings these.
        form_types: The adapters whose forms ``read`` takes.
        catalog: The YAML file of the task's data sets, if it has any; see ``datasets.catalog``.
        any_model: Whether it takes every model as it is, and is therefore never inferred.
        chooses: Whether ``chosen`` gives samples; of other tasks the first ones are taken.
        token_latencies: Whether answers come token by token to somebody who waits, so that LoadGen
            judges the time to the first token and the time of each further one.
        asks: What somebody gives to try a model on a sample of theirs; empty where that cannot be.
    """

    name: str
    title: str
    metrics: tuple[ScoreMetric, ...]
    preprocess_type: type[Any]
    postprocess_type: Any
    inputs: str
    payload: Literal["classes", "numbers"] = "numbers"
    packages: tuple[str, ...] = ()
    install: str = ""
    form_types: tuple[type[Adapter], ...] = ()
    catalog: Path | None = None
    any_model: bool = False
    chooses: bool = False
    token_latencies: bool = False
    asks: tuple[Ask, ...] = ()

    @abstractmethod
    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> Dataset:
        """Read and check a data set.

        Args:
            path: The folder, or the file of a data set that is one.
            limit: Take only the first samples.
            classes: How many classes the model tells apart.
            preprocess: The settings, where they decide what a sample is.
            metric: The name of one of ``metrics``, the first one where it is empty.
            form: How it lies in its folder, of one of ``form_types``, where its entry says so.

        Raises:
            InputError: It is missing or malformed.
        """

    @abstractmethod
    def prepare(
        self,
        dataset: Dataset,
        preprocess: Any,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """Preprocess a data set into the cache unless that is done; give the cache's folder.

        Raises:
            InputError: A sample is unusable or has changed meanwhile.
            WorkError: The cache cannot be written.
        """

    @abstractmethod
    def library(
        self,
        prepared: Path,
        preprocess: Any,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> SampleLibrary:
        """Open a prepared data set for a model with these inputs.

        Args:
            prepared: The folder that ``prepare`` gave.
            preprocess: What it was prepared with.
            inputs: The model's inputs.
            layout: ``NCHW`` or ``NHWC`` for images.
            most_bytes: What loaded samples may take as the model takes them. More are kept in
                less memory, which costs a little time for each batch.

        Raises:
            InputError: The model's inputs do not fit the preprocessing.
            WorkError: The cache is damaged.
        """

    @abstractmethod
    def postprocess(
        self, spec: Any, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """Make the function that turns outputs into payloads.

        Args:
            spec: How an answer is read, of ``postprocess_type``.
            library: The task's own.
            form: The data set's ``answer_form``.
        """

    def generation(
        self, spec: Any, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Generation | None:
        """How answers are generated token by token; None where a model's outputs are the answer.

        ``postprocess`` is then given ``generation.TOKENS`` of one sample at a time, and a model
        needs a decoder. The library gives batches of one sample: ``(1, tokens)`` of its prompt, or
        what its encoder takes.

        Args:
            spec: How an answer is read, of ``postprocess_type``.
            library: The task's own.
            form: The data set's ``answer_form``.
        """
        return None

    def end_tokens(self, spec: Any) -> tuple[int, ...]:
        """The tokens that end a generated answer; none where nothing is generated.

        Args:
            spec: How an answer is read, of ``postprocess_type``.
        """
        return ()

    @abstractmethod
    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield what does not fit together in a manifest's entry of a model."""

    @abstractmethod
    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Put a sample and the payload that answers it into a form for people.

        Raises:
            WorkError: The payload is no answer to the sample.
        """

    def chosen(self, dataset: Dataset, names: Sequence[str] | None, count: int) -> Dataset:
        """Some samples of a data set, to calibrate a quantised model on.

        They are those of ``names``, in that order, or as many as ``count``, spread over all.

        Raises:
            InputError: The task takes none by name, or a name is not in the data set.
        """
        raise InputError(
            f"the task {self.name} takes no samples by name",
            "leave the list out; the first samples are taken",
        )

    def sample_digests(
        self, dataset: Dataset, cache_root: Path, progress: Progress
    ) -> dict[str, str]:
        """The sha256 of each sample's file by its name; empty where samples are no files."""
        return {}

    def explain(
        self, dataset: Dataset, answers: Sequence[bytes], outputs: Sequence[Tensors], spec: Any
    ) -> tuple[Part, ...]:
        """Take the answer to a sample given by hand apart; as ``show`` puts it if not overridden.

        Args:
            dataset: What ``one_sample`` laid out, read; a long text is several samples of it.
            answers: The payload of each.
            outputs: The model's outputs of each, batch axis of one; of a model that answers token
                by token what each took, as ``generation.TOKEN_MS``.
            spec: How an answer is read, of ``postprocess_type``.

        Raises:
            WorkError: A payload is no answer to its sample.
        """
        return (Plain(self.show(DataSample(dataset, 0), answers[0]).answer),)

    def one_sample(self, given: Mapping[str, str], folder: Path) -> Path:
        """Lay a sample that somebody gives out as a data set of one, which ``read`` takes.

        Args:
            given: What was asked by ``asks``, by name.
            folder: An empty folder.

        Returns:
            The data set.

        Raises:
            InputError: The task cannot be tried by hand, or what is given is unusable.
        """
        raise InputError(
            f"the task {self.name} takes no sample by hand", "measure it with loadscope run"
        )

    def examples(self, folder: Path, most: int) -> Mapping[str, Mapping[str, str]]:
        """Samples of a data set as ``one_sample`` takes them, by a name; none as a rule.

        Args:
            folder: The data set's.
            most: How many at most.
        """
        return {}

    def score(
        self,
        dataset: Dataset,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """Score answers from an accuracy log alone; see ``Dataset.score``."""
        return dataset.score(answers, progress, among)

    def published(self, dataset: str) -> Sequence[Published]:
        """Figures of models on a data set of the catalog, best first; none as a rule."""
        return ()

    def infer(self, model: FileModel, preprocess: Asked) -> Draft | None:
        """What an entry of this task would say of a model's file; None where it is not of it.

        Args:
            model: The tensors of the file.
            preprocess: What the user says.

        Raises:
            InputError: It is of the task, but what the user says does not fit, or more is needed.
        """
        return None

    def classes(self, entry: DeclaredModel) -> int:
        """How many classes a model's outputs tell apart; 0 where they do not say."""
        return 0

    def labelled(self, path: Path, labels: Path, limit: int | None, classes: int) -> Dataset:
        """Read a data set whose true answers are in a file elsewhere; see ``read``.

        Raises:
            InputError: The task has no such data sets, or it is missing or malformed.
        """
        raise InputError(
            f"the task {self.name} reads no file of labels",
            "leave --labels out; the data set's folder has the true answers",
        )

    def sizes(self, path: Path, inputs: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """The sizes of a sample that data themselves say, by input; none as a rule.

        Args:
            path: The data, as of ``read``.
            inputs: The names of the model's inputs.

        Raises:
            InputError: They cannot be read.
        """
        return {}

    def generate(self, limit: int | None, preprocess: Any) -> Dataset:
        """Make up samples by a fixed seed.

        Args:
            limit: How many; None for a number of the task's own.
            preprocess: What they are to be.

        Raises:
            InputError: The task makes none, or ``preprocess`` does not say enough.
        """
        raise InputError(
            f"the task {self.name} has no random inputs",
            "give --dataset-path, or measure without accuracy: --task tensors --random-inputs",
        )

    def files(self, preprocess: Any) -> Sequence[NeededFile]:
        """The files that preprocessing with these settings takes; none as a rule."""
        return ()

    def unpack(self, name: str, archive: Path, destination: Path) -> Path:
        """Lay out a data set of the catalog from the archive that its ``source`` names.

        Args:
            name: The data set's.
            archive: A file whose checksum the caller has checked.
            destination: The folder to make.

        Returns:
            ``destination``.

        Raises:
            InputError: The archive is not the one of that data set.
            WorkError: The folder cannot be written.
        """
        raise InputError(
            f"the task {self.name} cannot unpack the data set '{name}'",
            "report it to the author of the task",
        )
