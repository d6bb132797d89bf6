"""The task of giving each pixel of a photograph its class."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.image_mask import ImageMask
from loadscope.datasets.declared import (
    Asked,
    DeclaredModel,
    Draft,
    FileModel,
    Misfit,
)
from loadscope.datasets.images.image_library import ImageLibrary
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.datasets.images.image_task import ImageTask
from loadscope.datasets.images.inferred import SquareInput, find_square, normalisation
from loadscope.datasets.images.square_input import image_misfits
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.playing import Masks, Part, region
from loadscope.datasets.semantic_segmentation.class_maps import (
    ClassMapSpec,
    postprocess,
    unpacked,
)
from loadscope.datasets.semantic_segmentation.mean_iou import MEAN_IOU
from loadscope.datasets.semantic_segmentation.segmented import Segmented
from loadscope.datasets.task import (
    PLAIN,
    AnswerForm,
    DataSample,
    Dataset,
    Postprocess,
    Progress,
    Shown,
)
from loadscope.errors import WorkError
from loadscope.tensors import ANY_SIZE, Tensors

if TYPE_CHECKING:
    from loadscope.datasets.cache.record_workers import RecordMaker

# A coarser output is taken for features: networks in use answer at an eighth of the side or finer.
_COARSEST = 8
_SHOWN, _DRAWN = 5, 12


class SemanticSegmentation(ImageTask[Segmented]):
    """Images with masks, mean intersection over union."""

    dataset_type = Segmented
    library_type = ImageLibrary
    name = "semantic-segmentation"
    title = "Semantic segmentation (mIoU)"
    metrics: tuple[ScoreMetric, ...] = (MEAN_IOU,)
    preprocess_type: type[Any] = ImagePreprocess
    postprocess_type: Any = ClassMapSpec
    form_types = (ImageMask,)
    catalog = Path(__file__).with_name("catalog.yaml")

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> Segmented:
        """See ``Segmented.read``; without a form those of the task's own data sets are tried."""
        return Segmented.read(path, limit, classes, (form,) if form else self._forms())

    def records(self, preprocess: ImagePreprocess) -> "RecordMaker":
        """See ``ImageRecords``."""
        from loadscope.datasets.images.image_geometry import ImageRecords

        return ImageRecords(preprocess)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: ImagePreprocess,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """See ``ImageTask.prepare`` and ``Segmented.require_masks``."""
        prepared = super().prepare(dataset, preprocess, cache_root, progress, workers)
        self.own(dataset).require_masks(prepared, cache_root, progress)
        return prepared

    def postprocess(
        self, spec: ClassMapSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """See ``class_maps.postprocess``."""
        return postprocess(spec)

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why whole photographs do not go in, or a class for each pixel does not come out."""
        yield from image_misfits(entry)
        preprocess: ImagePreprocess = entry.preprocess
        if preprocess.geometry != "squash" or preprocess.short_side != preprocess.size:
            yield Misfit(
                "preprocess",
                "must be geometry: squash with short_side as size, for pixels that are cut off "
                "have no answer",
            )
        spec: ClassMapSpec = entry.postprocess
        output = entry.output(spec.output)
        if output is None:
            yield entry.unread(spec.output)
            return
        sizes = spec.sizes(output.shape)
        if sizes is None:
            wanted = "three axes" if spec.kind == "argmax" else "a class for each pixel"
            yield Misfit(
                f"outputs.{spec.output}", f"shape {list(output.shape)} is not that of {wanted}"
            )
        elif spec.kind == "argmax" and sizes[0] != entry.classes:
            yield Misfit(
                "classes",
                f"the output has {sizes[0]} scores a pixel (channels: {spec.channels})",
                entry.classes,
            )
        if not entry.classes:
            yield Misfit("classes", "is missing; the outputs do not tell the number of classes")

    def classes(self, entry: DeclaredModel) -> int:
        """As many as a pixel has scores."""
        spec: ClassMapSpec = entry.postprocess
        output = entry.output(spec.output)
        sizes = None if output is None else spec.sizes(output.shape)
        return 0 if sizes is None or spec.kind != "argmax" else sizes[0]

    def infer(self, model: FileModel, preprocess: Asked) -> Draft | None:
        """A square of pixels in, and a smaller or equal square of scores out.

        The first such output where there are several.
        """
        square = find_square(model.inputs)
        if square is None:
            return None
        for output in model.outputs:
            channels = _channels(tuple(output.shape), square)
            if channels is None:
                continue
            given, assumed = normalisation(preprocess, square)
            settings = {"geometry": "squash", "resampler": "opencv-bilinear"}
            return Draft(
                preprocess={
                    **settings, "size": square.side, "short_side": square.side, **given,
                },
                postprocess={"kind": "argmax", "output": output.name, "channels": channels},
                layout=square.layout,
                outputs=[output.name],
                sizes={square.name: square.sizes},
                assumed=[*square.assumed, "images squashed to a square", *assumed],
            )  # fmt: skip
        return None

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Name the photograph, and the classes that have most of its pixels."""
        found = _class_map(sample.index, answer)
        classes, pixels = _most_of(found)
        parts = [
            f"class {each} {100 * count / found.size:.1f} %"
            for each, count in zip(classes[:_SHOWN], pixels, strict=False)
        ]
        more = ", ..." if len(classes) > _SHOWN else ""
        return Shown(self.image(sample), ", ".join(parts) + more)

    def explain(
        self,
        dataset: Dataset,
        answers: Sequence[bytes],
        outputs: Sequence[Tensors],
        spec: ClassMapSpec,
    ) -> tuple[Part, ...]:
        """The classes that have most of the pixels, each where it is."""
        found = _class_map(0, answers[0])
        classes, _ = _most_of(found)
        return (Masks(tuple(region(found == each, f"class {each}") for each in classes[:_DRAWN])),)

    def _forms(self) -> Iterator[ImageMask]:
        # The catalogue is read by pydantic, which the measured process has no use for.
        from loadscope.datasets.catalog import catalog_of

        return (entry.form for entry in catalog_of(self.name).values())


def _class_map(index: int, answer: bytes) -> NDArray[np.int32]:
    found = unpacked(answer)
    if found is None:
        raise WorkError(f"sample {index} is answered with {len(answer)} bytes")
    return found


def _most_of(found: NDArray[np.int32]) -> tuple[list[int], list[int]]:
    """The classes of a map and their pixels, the one with most of them first."""
    classes, pixels = np.unique(found, return_counts=True)
    order = np.argsort(-pixels, kind="stable")
    return classes[order].tolist(), pixels[order].tolist()


def _channels(shape: tuple[int, ...], square: SquareInput) -> str | None:
    """Where an output has the scores of a pixel; None where it is no map of scores."""
    if len(shape) != 3 or shape == square.sizes:
        return None
    for where, (count, high, wide) in (
        ("first", shape),
        ("last", (shape[2], *shape[:2])),
    ):
        is_fine = high == ANY_SIZE or square.side <= _COARSEST * high <= _COARSEST * square.side
        if high == wide and is_fine and count > 1:
            return where
    return None
