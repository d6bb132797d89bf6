"""The task of finding each object of a photograph, pixel by pixel."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadscope.datasets.declared import DeclaredModel, Misfit
from loadscope.datasets.images.image_library import ImageLibrary
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.datasets.images.image_task import ImageTask
from loadscope.datasets.images.square_input import image_misfits
from loadscope.datasets.instance_segmentation.found import MaskSpec, postprocess, unpacked
from loadscope.datasets.instance_segmentation.instances import Instances
from loadscope.datasets.instance_segmentation.metric import MASK_MAP
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.playing import Masks, Part, region
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
from loadscope.tensors import Tensors

if TYPE_CHECKING:
    from loadscope.datasets.cache.record_workers import RecordMaker

_SHOWN_FROM, _MOST_SHOWN = 0.25, 20


class InstanceSegmentation(ImageTask[Instances]):
    """COCO-like data sets, mean average precision of masks."""

    dataset_type = Instances
    library_type = ImageLibrary
    name = "instance-segmentation"
    title = "Instance segmentation (mask mAP)"
    metrics: tuple[ScoreMetric, ...] = (MASK_MAP,)
    preprocess_type: type[Any] = ImagePreprocess
    postprocess_type: Any = MaskSpec
    catalog = Path(__file__).with_name("catalog.yaml")

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> Instances:
        """See ``Instances.read``."""
        return Instances.read(path, limit, classes)

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
        """See ``ImageTask.prepare`` and ``Instances.require_sizes``."""
        self.own(dataset).require_sizes()
        return super().prepare(dataset, preprocess, cache_root, progress, workers)

    def postprocess(
        self, spec: MaskSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """See ``found.postprocess``."""
        return postprocess(spec)

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why whole photographs do not go in, or queries with masks do not come out."""
        yield from image_misfits(entry)
        preprocess: ImagePreprocess = entry.preprocess
        if preprocess.geometry != "squash" or preprocess.short_side != preprocess.size:
            yield Misfit(
                "preprocess",
                "must be geometry: squash with short_side as size, for pixels that are cut off "
                "have no answer",
            )
        spec: MaskSpec = entry.postprocess
        scores, masks = entry.output(spec.classes), entry.output(spec.masks)
        for name, output, axes in ((spec.classes, scores, 2), (spec.masks, masks, 3)):
            if output is None:
                yield entry.unread(name)
            elif len(output.shape) != axes:
                yield Misfit(f"outputs.{name}", f"shape {list(output.shape)} has not {axes} axes")
        if scores is None or masks is None or len(scores.shape) != 2 or len(masks.shape) != 3:
            return
        if scores.shape[0] != masks.shape[0]:
            yield Misfit(
                f"outputs.{spec.masks}",
                f"has {masks.shape[0]} queries, '{spec.classes}' has {scores.shape[0]}",
            )
        if scores.shape[1] != entry.classes + 1:
            yield Misfit(
                "classes",
                f"'{spec.classes}' has {scores.shape[1]} scores a query, one of them for nothing",
                entry.classes,
            )

    def classes(self, entry: DeclaredModel) -> int:
        """As many as a query has scores, less the one for nothing."""
        output = entry.output(entry.postprocess.classes)
        return 0 if output is None or len(output.shape) != 2 else max(0, output.shape[1] - 1)

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Name the photograph and what was found on it, with scores and shares of the picture."""
        found = unpacked(answer)
        if found is None:
            raise WorkError(f"sample {sample.index} is answered with {len(answer)} bytes")
        names = self.own(sample.dataset).class_names()
        parts = [
            f"{_name(names, one.kind)} {one.score:.2f} ({100 * one.mask.mean():.1f} %)"
            for one in found[:_MOST_SHOWN]
        ]
        return Shown(self.image(sample), ", ".join(parts) or "nothing")

    def explain(
        self, dataset: Dataset, answers: Sequence[bytes], outputs: Sequence[Tensors], spec: Any
    ) -> tuple[Part, ...]:
        """The masks that are likely enough to be looked at."""
        names = self.own(dataset).class_names()
        rows = [
            region(one.mask, _name(names, one.kind), f"{one.score:.2f}")
            for one in unpacked(answers[0]) or ()
            if one.score >= _SHOWN_FROM
        ]
        return (Masks(tuple(rows[:_MOST_SHOWN])),)


def _name(names: Sequence[str], kind: int) -> str:
    return names[kind] if kind < len(names) else f"class {kind}"
