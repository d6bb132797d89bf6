"""The task of telling what a photograph shows."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from loadscope.datasets.adapters.image_label import ImageLabel
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
from loadscope.datasets.images.image_task import ImageTask
from loadscope.datasets.images.square_input import image_misfits, square_input
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.task import (
    PLAIN,
    AnswerForm,
    DataSample,
    Postprocess,
    Published,
    SampleLibrary,
    Shown,
)
from loadscope.errors import WorkError

if TYPE_CHECKING:
    from loadscope.datasets.cache.record_workers import RecordMaker


class ImageClassification(ImageTask[ImageNet]):
    """ImageNet-like data sets, top-1 or top-5 accuracy."""

    dataset_type = ImageNet
    name = "image-classification"
    title = "Image classification (top-1, top-5)"
    metrics: tuple[ScoreMetric, ...] = tuple(map(ScoreMetric, BEST))
    preprocess_type: type[Any] = ImagePreprocess
    postprocess_type: Any = ArgmaxSpec
    payload: Literal["classes", "numbers"] = "classes"
    form_types = (ImageLabel,)
    catalog = Path(__file__).with_name("catalog.yaml")

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> ImageNet:
        """See ``ImageNet.read``."""
        metric = metric or self.metrics[0].name
        return ImageNet.read(path, limit, classes, metric, form or ImageLabel())

    def records(self, preprocess: ImagePreprocess) -> "RecordMaker":
        """See ``ImageRecords``."""
        from loadscope.datasets.images.image_geometry import ImageRecords

        return ImageRecords(preprocess)

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
        self, spec: ArgmaxSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """See ``classification.postprocess``."""
        best = BEST[form.metric or self.metrics[0].name]
        return classification_postprocess(spec, best, form.among)

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
        if not answer or len(answer) % 4:
            raise WorkError(f"sample {sample.index} is answered with {len(answer)} bytes")
        classes = ", ".join(f"{number:g}" for number in np.frombuffer(answer, "<f4"))
        return Shown(self.image(sample), f"class {classes}")

    def published(self, dataset: str) -> Sequence[Published]:
        """See ``published.published``."""
        from loadscope.datasets.image_classification.published import published

        return published(dataset)

    def unpack(self, name: str, archive: Path, destination: Path) -> Path:
        """See ``sample20.unpack_sample20``."""
        from loadscope.datasets.image_classification.sample20 import SAMPLE20, unpack_sample20

        if name != SAMPLE20:
            return super().unpack(name, archive, destination)
        return unpack_sample20(archive, destination)
