"""The tasks that the suite can run, by name."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from loadscope.datasets.image_classification.classification import BEST, ArgmaxSpec
from loadscope.datasets.image_classification.classification import (
    postprocess as classification_postprocess,
)
from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.datasets.images.image_library import ImageLibrary
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.datasets.object_detection.task import ObjectDetection
from loadscope.datasets.question_answering.task import QuestionAnswering
from loadscope.datasets.task import (
    AnswerForm,
    Dataset,
    Postprocess,
    Progress,
    SampleLibrary,
)
from loadscope.errors import InputError

_PLAIN = AnswerForm()


class ModelInput(Protocol):
    """What a task must know of a model's input; ``sut.backend.TensorInfo`` is one."""

    @property
    def name(self) -> str:
        """The tensor's name."""

    @property
    def dtype(self) -> str:
        """A numpy type name."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes without the batch axis."""


class Task(Protocol):
    """From a folder of data to LoadGen's samples, and from outputs to a score.

    ``library`` and ``postprocess`` run in the measured process and import nothing heavy.

    Attributes:
        name: The value of ``task`` in a manifest.
        title: For people.
        metrics: What answers can be scored by, the usual one first.
        preprocess_type: The dataclass that a manifest's ``preprocess`` must fit.
        postprocess_type: Likewise for ``postprocess``.
    """

    name: str
    title: str
    metrics: tuple[str, ...]
    preprocess_type: type[Any]
    postprocess_type: Any

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
    ) -> Dataset:
        """Read and check a data set.

        Args:
            path: The folder, or the file of a data set that is one.
            limit: Take only the first samples.
            classes: How many classes the model tells apart.
            preprocess: The settings, where they decide what a sample is.
            metric: One of ``metrics``, the first one where it is empty.

        Raises:
            InputError: It is missing or malformed.
        """

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

    def postprocess(
        self, spec: Any, library: SampleLibrary, form: AnswerForm = _PLAIN
    ) -> Postprocess:
        """Make the function that turns outputs into payloads.

        Args:
            spec: How an answer is read, of ``postprocess_type``.
            library: The task's own.
            form: The data set's ``answer_form``.
        """


class ImageClassification:
    """ImageNet-like data sets, top-1 or top-5 accuracy."""

    name = "image-classification"
    title = "Image classification (top-1, top-5)"
    metrics: tuple[str, ...] = tuple(BEST)
    preprocess_type: type[Any] = ImagePreprocess
    postprocess_type: Any = ArgmaxSpec

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
    ) -> ImageNet:
        """See ``ImageNet.read``."""
        return ImageNet.read(path, limit, classes, metric or self.metrics[0])

    def prepare(
        self,
        dataset: Dataset,
        preprocess: ImagePreprocess,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """See ``sample_cache_build.prepare_samples``."""
        # Decoding takes OpenCV and Pillow, which the measured process has no use for.
        from loadscope.datasets.cache.sample_cache_build import Sources, prepare_samples

        if not isinstance(dataset, ImageNet):
            raise TypeError(f"{self.name} reads ImageNet, not {type(dataset).__name__}")
        digests = dataset.digests(cache_root, progress)
        sources = Sources(dataset.images, dataset.names, digests)
        return prepare_samples(cache_root, sources, preprocess.record_maker(), progress, workers)

    def library(
        self,
        prepared: Path,
        preprocess: ImagePreprocess,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> ImageLibrary:
        """See ``ImageLibrary``."""
        fix = "correct the model's manifest"
        if len(inputs) != 1:
            raise InputError(f"a classifier has one input, this model has {len(inputs)}", fix)
        tensor, size = inputs[0], preprocess.size
        shapes = {"NCHW": (3, size, size), "NHWC": (size, size, 3)}
        if layout not in shapes:
            raise InputError(f"layout '{layout}' is not one of: {', '.join(shapes)}", fix)
        if tuple(tensor.shape) != shapes[layout]:
            raise InputError(
                f"input '{tensor.name}' is {tensor.dtype} {tuple(tensor.shape)}, but the"
                f" preprocessing gives {shapes[layout]} ({layout})",
                fix,
            )
        return ImageLibrary(prepared, preprocess, tensor.name, layout, tensor.dtype, most_bytes)

    def postprocess(
        self, spec: ArgmaxSpec, library: SampleLibrary, form: AnswerForm = _PLAIN
    ) -> Postprocess:
        """See ``classification.postprocess``."""
        return classification_postprocess(spec, BEST[form.metric or self.metrics[0]])


_ALL: tuple[Task, ...] = (ImageClassification(), ObjectDetection(), QuestionAnswering())
TASKS: dict[str, Task] = {each.name: each for each in _ALL}
if len(TASKS) != len(_ALL):
    raise RuntimeError("two tasks have the same name")


def task(name: str) -> Task:
    """Look a task up by name.

    Raises:
        InputError: There is none of that name; the message lists the known ones.
    """
    try:
        return TASKS[name]
    except KeyError:
        raise InputError(f"unknown task '{name}'", f"use one of: {', '.join(TASKS)}") from None


def metric_of(kind: Task, name: str) -> str:
    """The name of a task's metric as results show it, from any spelling: ``top5`` is ``top-5``.

    Raises:
        InputError: The task has no such metric; the message lists those that it has.
    """
    folded = _folded(name)
    for metric in kind.metrics:
        if _folded(metric) == folded:
            return metric
    raise InputError(
        f"unknown metric '{name}'; known for {kind.name}: {', '.join(kind.metrics)}",
        "use one of them",
    )


def _folded(name: str) -> str:
    return re.sub(r"[-_ ]", "", name.casefold())
