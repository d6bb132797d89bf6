"""The task of telling what a photograph shows."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from loadscope.datasets.adapters.image_label import ImageLabel
from loadscope.datasets.classes.classification import (
    BEST,
    ArgmaxSpec,
    best_misfit,
)
from loadscope.datasets.classes.classification import (
    postprocess as classification_postprocess,
)
from loadscope.datasets.declared import (
    Asked,
    DeclaredModel,
    Draft,
    FileModel,
    Misfit,
    ModelInput,
)
from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.datasets.images.image_library import ImageLibrary
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.datasets.images.image_task import ImageTask
from loadscope.datasets.images.inferred import find_square, normalisation
from loadscope.datasets.images.square_input import image_misfits
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.playing import Part, top_bars
from loadscope.datasets.task import (
    PLAIN,
    AnswerForm,
    DataSample,
    Dataset,
    Postprocess,
    Published,
    Shown,
)
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

if TYPE_CHECKING:
    from loadscope.datasets.cache.record_workers import RecordMaker

# The part of the short side that is cut out: 224 of 256, as torchvision does.
_CROP = 0.875
# ImageNet's classes and one before them, in networks of TensorFlow's early years.
_WITH_BACKGROUND = 1001


def _scores(output: ModelInput) -> tuple[int, ...]:
    """The sizes of an output without the ones at its end.

    They are what a network leaves that ends in a convolution: ``(1000, 1, 1)``.
    """
    sizes = tuple(output.shape)
    while len(sizes) > 1 and sizes[-1] == 1:
        sizes = sizes[:-1]
    return sizes


def _is_row(output: ModelInput) -> bool:
    """Whether an output is a row of scores, whatever ones stand around it."""
    sizes = [size for size in output.shape if size != 1]
    return len(sizes) == 1 and sizes[0] > 1


class ImageClassification(ImageTask[ImageNet]):
    """ImageNet-like data sets, top-1 or top-5 accuracy."""

    dataset_type = ImageNet
    library_type = ImageLibrary
    name = "image-classification"
    title = "Image classification (top-1, top-5)"
    metrics: tuple[ScoreMetric, ...] = tuple(map(ScoreMetric, BEST))
    preprocess_type: type[Any] = ImagePreprocess
    postprocess_type: Any = ArgmaxSpec
    payload: Literal["classes", "numbers"] = "classes"
    form_types = (ImageLabel,)
    catalog = Path(__file__).with_name("catalog.yaml")
    chooses = True

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

    def chosen(self, dataset: Dataset, names: Sequence[str] | None, count: int) -> ImageNet:
        """See ``ImageNet.of_names``."""
        return self.own(dataset).of_names(names, count)

    def records(self, preprocess: ImagePreprocess) -> "RecordMaker":
        """See ``ImageRecords``."""
        from loadscope.datasets.images.image_geometry import ImageRecords

        return ImageRecords(preprocess)

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
            if entry.classes < 1:
                yield Misfit("classes", "is missing; the outputs do not tell the number of classes")
            elif spec.kind == "argmax" and _scores(output)[-1:] != (width,):
                yield Misfit(
                    f"outputs.{spec.output}",
                    f"shape {list(output.shape)} does not end in {width}, the number of classes",
                )
        if entry.metric is not None:
            misfit = best_misfit(spec, entry.metric.name, entry.classes)
            if misfit:
                yield Misfit("postprocess", misfit)

    def classes(self, entry: DeclaredModel) -> int:
        """As many as there are scores, but for a background class."""
        spec: ArgmaxSpec = entry.postprocess
        output = entry.output(spec.output)
        if output is None or spec.kind != "argmax":
            return 0
        return max(0, (0, *_scores(output))[-1] - spec.offset)

    def infer(self, model: FileModel, preprocess: Asked) -> Draft | None:
        """A square of pixels in, and a row of scores out: the first one where there are several."""
        square = find_square(model.inputs)
        rows = [one for one in model.outputs if _is_row(one)]
        if square is None or not rows:
            return None
        output = rows[0]
        given, assumed = normalisation(preprocess, square)
        settings: dict[str, Any] = {"geometry": "resize-then-crop", "resampler": "opencv-bilinear"}
        if given.get("geometry", "resize-then-crop") == "resize-then-crop":
            settings["short_side"] = round(square.side / _CROP)
            assumed.append(f"short side of {settings['short_side']}, cut to {square.side}")
        answer: dict[str, Any] = {"kind": "argmax", "output": output.name}
        if len(rows) > 1:
            assumed.append(f"scores are '{output.name}'")
        if _scores(output)[-1] == _WITH_BACKGROUND:
            answer["offset"] = 1
            assumed.append("class 0 of 1001 is a background class")
        return Draft(
            preprocess={**settings, "size": square.side, **given},
            postprocess=answer,
            layout=square.layout,
            outputs=[output.name],
            sizes={square.name: square.sizes},
            assumed=[*square.assumed, *assumed],
        )

    def labelled(self, path: Path, labels: Path, limit: int | None, classes: int) -> ImageNet:
        """Read the images by a label map elsewhere."""
        form = ImageLabel(labels="label-map", file=str(labels.absolute()))
        return self.read(path, limit, classes, form=form)

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Name the photograph and the classes that it was taken for, the best one first."""
        if not answer or len(answer) % 4:
            raise WorkError(f"sample {sample.index} is answered with {len(answer)} bytes")
        classes = ", ".join(f"{number:g}" for number in np.frombuffer(answer, "<f4"))
        return Shown(self.image(sample), f"class {classes}")

    def explain(
        self,
        dataset: Dataset,
        answers: Sequence[bytes],
        outputs: Sequence[Tensors],
        spec: ArgmaxSpec,
    ) -> tuple[Part, ...]:
        """The five best classes with their shares; the class alone where there are no scores."""
        if spec.kind != "argmax":
            return super().explain(dataset, answers, outputs, spec)
        return (top_bars(outputs[0][spec.output][0], (), spec.offset),)

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
