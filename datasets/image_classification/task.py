"""The task of telling what a photograph shows."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from loadscope.datasets.declared import DeclaredModel, Misfit, ModelInput
from loadscope.datasets.image_classification.classification import (
    BEST,
    ArgmaxSpec,
    best_misfit,
)
from loadscope.datasets.image_classification.classification import (
    postprocess as classification_postprocess,
)
from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.datasets.images.image_library import ImageLibrary
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.datasets.images.square_input import image_misfits, square_input
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.task import (
    AnswerForm,
    DataSample,
    Dataset,
    Postprocess,
    Progress,
    SampleLibrary,
    Shown,
    Task,
)
from loadscope.errors import WorkError

_PLAIN = AnswerForm()


class ImageClassification(Task):
    """ImageNet-like data sets, top-1 or top-5 accuracy."""

    name = "image-classification"
    title = "Image classification (top-1, top-5)"
    metrics: tuple[ScoreMetric, ...] = tuple(map(ScoreMetric, BEST))
    preprocess_type: type[Any] = ImagePreprocess
    postprocess_type: Any = ArgmaxSpec
    inputs = "images"
    payload: Literal["classes", "numbers"] = "classes"
    catalog = Path(__file__).with_name("catalog.yaml")

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
    ) -> ImageNet:
        """See ``ImageNet.read``."""
        return ImageNet.read(path, limit, classes, metric or self.metrics[0].name)

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
        from loadscope.datasets.images.image_geometry import ImageRecords

        dataset = self._own(dataset)
        digests = dataset.digests(cache_root, progress)
        sources = Sources(dataset.images, dataset.names, digests)
        return prepare_samples(cache_root, sources, ImageRecords(preprocess), progress, workers)

    def library(
        self,
        prepared: Path,
        preprocess: ImagePreprocess,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> ImageLibrary:
        """See ``ImageLibrary``."""
        tensor = square_input("a classifier", inputs, layout, preprocess)
        return ImageLibrary(prepared, preprocess, tensor.name, layout, tensor.dtype, most_bytes)

    def postprocess(
        self, spec: ArgmaxSpec, library: SampleLibrary, form: AnswerForm = _PLAIN
    ) -> Postprocess:
        """See ``classification.postprocess``."""
        return classification_postprocess(spec, BEST[form.metric or self.metrics[0].name])

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why photographs do not go in, or a class for each does not come out."""
        yield from image_misfits(entry)
        spec: ArgmaxSpec = entry.postprocess
        output = entry.output(spec.output)
        if output is None:
            yield entry.unread(spec.output)
        else:
            width = entry.classes + spec.offset
            sizes = list(output.shape)
            # Ones at the end are what a network leaves that ends in a convolution: (1000, 1, 1).
            while len(sizes) > 1 and sizes[-1] == 1:
                sizes.pop()
            if spec.kind == "argmax" and sizes[-1:] != [width]:
                yield Misfit(
                    f"outputs.{spec.output}",
                    f"shape {list(output.shape)} does not end in {width}, the number of classes",
                )
        if entry.metric is not None:
            misfit = best_misfit(spec, entry.metric.name, entry.classes)
            if misfit:
                yield Misfit("postprocess", misfit)

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Name the photograph and the classes that it was taken for, the best one first."""
        dataset = self._own(sample.dataset)
        if not answer or len(answer) % 4:
            raise WorkError(f"sample {sample.index} is answered with {len(answer)} bytes")
        classes = ", ".join(f"{number:g}" for number in np.frombuffer(answer, "<f4"))
        return Shown(dataset.images / dataset.names[sample.index], f"class {classes}")

    def unpack(self, name: str, archive: Path, destination: Path) -> Path:
        """See ``sample20.unpack_sample20``."""
        from loadscope.datasets.image_classification.sample20 import SAMPLE20, unpack_sample20

        if name != SAMPLE20:
            return super().unpack(name, archive, destination)
        return unpack_sample20(archive, destination)

    def _own(self, dataset: Dataset) -> ImageNet:
        if not isinstance(dataset, ImageNet):
            raise TypeError(f"{self.name} reads ImageNet, not {type(dataset).__name__}")
        return dataset
